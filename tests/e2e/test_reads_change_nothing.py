"""A command of class `read` or `local` changes nothing, whatever its words: etcd holds what it held before.

300 commands at random, and 5,000 in `make fuzz`. They are handed to the worker as reads, though many of them are not.
`-p "randomly_seed=N"` brings the commands of a run back.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from hypothesis import settings

from shared.effects import UNLIMITED, Effects, SecretValues
from shared.kubeconfig import cluster_access
from shared.models import CommandClass, CommandResponse, FailureCode, Job, Lane
from shared.sealing.envelope import Command, RequestEnvelope
from shared.tools import registry
from shared.tools.own_server import OwnServer
from shared.tools.tool import Tool
from tests.e2e.session import running
from tests.support import filled_cluster, generated_commands
from tests.support.argo_cd import ArgoCd
from tests.support.control_plane import ControlPlane, etcd
from tests.support.e2e_tools import E2eTools
from tests.support.filled_cluster import APPLICATIONS
from tests.support.generated_commands import GeneratedCommand
from tests.support.handed_over import hand_over
from tests.support.product import Product
from tests.support.valkey import Valkey
from tests.support.waiting import wait_blocking

COMMANDS = {"test": 300, "fuzz": 5_000}
"""By hypothesis' profile."""
UNLIMITED_COMMANDS = 100
"""Of the same commands, which then run without a limit."""
LEAST_REFUSED_SHARE = 1 / 20
"""Of the commands that the door must have refused a change."""
LEAST_CHANGED_KEYS = 5
"""How many keys of etcd the commands must change that nothing limits."""
AT_ONCE = 6
TIME_LIMIT_S = 6.0
"""Some commands run until they are ended."""
QUEUE_WAIT_S = 600
START_TIMEOUT_S = 60
CORE = "--core"
"""With this flag argocd works on the cluster of its kubeconfig, without its server."""
WAIT_S = 60.0
SHOWN = 5

pytestmark = pytest.mark.timeout(3_600)


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs commands without a gateway's judgement, on a cluster of an API server, etcd and Argo CD alone."""

    cluster: ControlPlane
    argo_cd: ArgoCd
    product: Product
    url: str

    async def run_all(
        self, commands: Sequence[GeneratedCommand], effects: Effects, command_class: CommandClass = CommandClass.READ
    ) -> list[CommandResponse]:
        """Runs some of them at a time."""
        places = asyncio.Semaphore(AT_ONCE)
        async with (
            httpx.AsyncClient(base_url=self.url, timeout=2 * WAIT_S, trust_env=False) as http,
            asyncio.TaskGroup() as group,
        ):
            envelopes = [self._envelope(command, effects, command_class) for command in commands]
            tasks = [group.create_task(self._run(http, envelope, places)) for envelope in envelopes]
        return [task.result() for task in tasks]

    async def _run(
        self, http: httpx.AsyncClient, envelope: RequestEnvelope, places: asyncio.Semaphore
    ) -> CommandResponse:
        async with places:
            job_id = await hand_over(self.product, envelope)
            answer = await http.get(f"/jobs/{job_id}", params={"wait": WAIT_S})
        return Job.model_validate_json(answer.raise_for_status().text).finished()

    def _envelope(self, command: GeneratedCommand, effects: Effects, command_class: CommandClass) -> RequestEnvelope:
        access = cluster_access.rebuild(self.cluster.kubeconfig(), context=None, allow_loopback=True)
        tool = registry.find(command.tool)
        has_server = tool.server_variable is not None and CORE not in command.arguments
        return RequestEnvelope(
            command=Command(
                tool=command.tool,
                arguments=command.arguments,
                verb=tuple(command.verb.split(" ")),
                kubeconfig=access.kubeconfig,
                credentials=self._credentials(tool) if has_server else {},
                own_server=OwnServer(skips_verification=True) if has_server else None,
                needs_cluster=True,
                stdin=filled_cluster.stdin(),
                files=filled_cluster.files(),
                effects=effects,
                listens=True,
            ),
            command_class=command_class,
            lane=Lane.FAST,
            time_limit_s=TIME_LIMIT_S,
            queue_wait_s=QUEUE_WAIT_S,
        )

    def _credentials(self, tool: Tool) -> dict[str, str]:
        variables = {tool.server_variable: self.argo_cd.server, tool.token_variable: self.argo_cd.token}
        return {name: value for name, value in variables.items() if name is not None}


@pytest.fixture
def own_cluster(tools: E2eTools) -> Iterator[ControlPlane]:
    """One in which nothing becomes of the objects, so that every change is a request's."""
    with running(ControlPlane(tools, has_nodes=False)) as control_plane:
        filled_cluster.fill(control_plane)
        yield control_plane


@pytest.fixture
def own_argo_cd(tools: E2eTools, own_cluster: ControlPlane) -> Iterator[ArgoCd]:
    """With an Application that it has looked at."""
    with running(ArgoCd(tools, own_cluster)) as installation:
        api, application = own_cluster.api, f"{APPLICATIONS}/web"
        api.create(APPLICATIONS, filled_cluster.application(installation.repository.url, own_cluster.url))
        wait_blocking(lambda: "reconciledAt" in api.get(application).get("status", {}), timeout_s=START_TIMEOUT_S)
        yield installation


@pytest.fixture
async def runner(
    own_argo_cd: ArgoCd, own_cluster: ControlPlane, cli_directory: Path, tmp_path: Path, own_valkey: Valkey
) -> AsyncIterator[Runner]:
    with Product(
        own_valkey.url, tmp_path, entry="cli.main", settings={"K8S_MCP_TOOLS_DIRECTORY": str(cli_directory)}
    ) as product:
        url = await product.gateway()
        await product.worker()
        runner = Runner(own_cluster, own_argo_cd, product, url)
        installed = GeneratedCommand("helm", "install", "", ("install", "old", "./web"))
        [response] = await runner.run_all([installed], UNLIMITED)
        assert response.success, response
        yield runner


@pytest.fixture
def commands() -> list[GeneratedCommand]:
    """The commands of this run."""
    # Reseeded by pytest-randomly for each test, with the seed that it prints.
    source = random.Random(random.getrandbits(64))
    return list(generated_commands.commands(COMMANDS[settings.get_current_profile_name()], source))


async def test_command_changes_nothing_as_a_read_which_it_would_do(
    runner: Runner, commands: list[GeneratedCommand]
) -> None:
    before = etcd.dump(runner.cluster.etcd_url)
    half = len(commands) // 2

    responses = await runner.run_all(commands[:half], Effects())
    shown = Effects(secrets=SecretValues.SHOWN, tunnels=True)
    responses += await runner.run_all(commands[half:], shown, CommandClass.LOCAL)

    after = etcd.dump(runner.cluster.etcd_url)
    assert etcd.differences(before, after) == [], _changes(runner.cluster)
    refused = sum(response.code is FailureCode.EFFECT_DENIED for response in responses)
    assert refused >= LEAST_REFUSED_SHARE * len(commands), f"only {refused} commands would have changed something"

    await runner.run_all(commands[:UNLIMITED_COMMANDS], UNLIMITED)

    assert len(etcd.differences(after, etcd.dump(runner.cluster.etcd_url))) >= LEAST_CHANGED_KEYS


def _changes(cluster: ControlPlane) -> str:
    """Names the changes that the API server has served, oldest first."""
    served = [each for each in cluster.audit.events() if each.is_change and not each.dry_run and each.code < 300]
    return "; ".join(f"{each.verb} {each.uri} by {each.user_agent}" for each in served[-SHOWN:])
