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
from tests.e2e.session import running
from tests.support import filled_cluster, generated_commands
from tests.support.control_plane import ControlPlane, etcd
from tests.support.e2e_tools import E2eTools
from tests.support.generated_commands import GeneratedCommand
from tests.support.handed_over import hand_over
from tests.support.product import Product
from tests.support.valkey import Valkey

COMMANDS = {"test": 300, "fuzz": 5_000}
"""By hypothesis' profile."""
UNLIMITED_COMMANDS = 100
LEAST_REFUSED_SHARE = 1 / 20
"""Of the commands that the door must have refused a change."""
LEAST_CHANGED_KEYS = 5
"""How many keys of etcd the commands must change that nothing limits."""
AT_ONCE = 6
TIME_LIMIT_S = 6.0
"""Some commands run until they are ended."""
QUEUE_WAIT_S = 600
WAIT_S = 60.0
SHOWN = 5

pytestmark = pytest.mark.timeout(3_600)


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs commands without a gateway's judgement, on a cluster whose parts are the API server and etcd alone."""

    cluster: ControlPlane
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
        return RequestEnvelope(
            command=Command(
                tool=command.tool,
                arguments=command.arguments,
                verb=tuple(command.verb.split(" ")),
                kubeconfig=access.kubeconfig,
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


@pytest.fixture
def own_cluster(tools: E2eTools) -> Iterator[ControlPlane]:
    """One in which nothing becomes of the objects: every change is a request's."""
    with running(ControlPlane(tools, has_nodes=False)) as control_plane:
        filled_cluster.fill(control_plane)
        yield control_plane


@pytest.fixture
async def runner(
    own_cluster: ControlPlane, cli_directory: Path, tmp_path: Path, own_valkey: Valkey
) -> AsyncIterator[Runner]:
    with Product(
        own_valkey.url, tmp_path, entry="cli.main", settings={"K8S_MCP_TOOLS_DIRECTORY": str(cli_directory)}
    ) as product:
        url = await product.gateway()
        await product.worker()
        runner = Runner(own_cluster, product, url)
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


async def test_no_command_changes_anything_as_a_read(runner: Runner, commands: list[GeneratedCommand]) -> None:
    before = etcd.dump(runner.cluster.etcd_url)
    half = len(commands) // 2

    responses = await runner.run_all(commands[:half], Effects())
    shown = Effects(secrets=SecretValues.SHOWN, tunnels=True)
    responses += await runner.run_all(commands[half:], shown, CommandClass.LOCAL)

    assert etcd.differences(before, etcd.dump(runner.cluster.etcd_url)) == [], _changes(runner.cluster)
    refused = sum(response.code is FailureCode.EFFECT_DENIED for response in responses)
    assert refused >= LEAST_REFUSED_SHARE * len(commands), f"only {refused} commands would have changed something"


async def test_such_commands_change_much_without_the_limit(runner: Runner, commands: list[GeneratedCommand]) -> None:
    before = etcd.dump(runner.cluster.etcd_url)

    await runner.run_all(commands[:UNLIMITED_COMMANDS], UNLIMITED)

    assert len(etcd.differences(before, etcd.dump(runner.cluster.etcd_url))) >= LEAST_CHANGED_KEYS


def _changes(cluster: ControlPlane) -> str:
    """Names the changes that the API server has served, oldest first."""
    served = [each for each in cluster.audit.events() if each.is_change and not each.dry_run and each.code < 300]
    return "; ".join(f"{each.verb} {each.uri} by {each.user_agent}" for each in served[-SHOWN:])
