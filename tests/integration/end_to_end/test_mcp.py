"""MCP with the official Python client: the same answers as over REST, through any of several gateways."""

import asyncio
import json

import pytest
from mcp import Client

from shared.models import CommandResponse, JobState
from shared.tools import registry
from tests.integration.end_to_end.system import System
from tests.support.api_server import ApiServer, Stall
from tests.support.caller import TIMEOUT_S, Caller
from tests.support.mcp_caller import MODES, call, mcp_client, text_of
from tests.support.product import Process, Product
from tests.support.round_robin import one_address
from tests.support.waiting import wait_until

FIRST_FOUR = {"success", "output", "error", "exit_code"}


@pytest.mark.parametrize("mode", MODES)
async def test_answer_is_the_one_of_rest(caller: Caller, system: System, mode: str) -> None:
    command = "get pods -n default -o name"
    by_rest = await caller.run("kubectl", command)
    async with mcp_client(system.url, kubeconfig=caller.kubeconfig, mode=mode) as client:
        by_mcp = await call(client, "kubectl", command=command)

    assert by_mcp.model_dump(include=FIRST_FOUR) == by_rest.model_dump(include=FIRST_FOUR)
    assert by_mcp.success


async def test_failed_command_is_an_error_with_its_exit_code(system: System, caller: Caller) -> None:
    async with mcp_client(system.url, kubeconfig=caller.kubeconfig) as client:
        result = await client.call_tool("kubectl", {"command": "get pod missing"})

    assert result.is_error
    answer = json.loads(text_of(result))
    assert (answer["success"], answer["exit_code"], answer["state"]) == (False, 1, "failed")
    assert 'pods "missing" not found' in answer["error"]


async def test_kubeconfig_is_taken_as_an_argument_and_shown_nowhere(system: System, caller: Caller) -> None:
    async with mcp_client(system.url) as client:
        tools = (await client.list_tools()).tools
        response = await call(client, "kubectl", command="get pods -o name", kubeconfig=caller.kubeconfig)

    assert response.output == "pod/web-1\npod/web-2\n"
    assert [tool.name for tool in tools][: len(registry.NAMES)] == [*registry.NAMES]
    assert not any("kubeconfig" in tool.input_schema["properties"] for tool in tools)


async def test_refusal_says_what_to_do(system: System) -> None:
    async with mcp_client(system.url) as client:
        result = await client.call_tool("kubectl", {"command": "get pods"})

    assert result.is_error
    assert "X-Kubeconfig" in json.loads(text_of(result))["detail"]


async def handed_over_while_it_runs(client: Client, api_server: ApiServer) -> tuple[Stall, CommandResponse]:
    """On a slow machine a command is handed over before a worker has begun with it: then the next one."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            stall = api_server.stall()
            handed_over = await call(client, "kubectl", command=f"get --raw {stall.stream_path}")
            if handed_over.state is not JobState.QUEUED:
                return stall, handed_over
            await call(client, "cancel_job", job_id=handed_over.job_id)


@pytest.mark.parametrize("mode", MODES)
async def test_long_command_is_handed_over_and_its_result_fetched(
    hasty_system: System, hasty_product: Product, api_server: ApiServer, mode: str
) -> None:
    await hasty_product.worker()
    async with mcp_client(hasty_system.url, kubeconfig=api_server.kubeconfig(), mode=mode) as client:
        stall, handed_over = await handed_over_while_it_runs(client, api_server)
        looked_at = await call(client, "get_job", job_id=handed_over.job_id)
        await stall.release()
        ended = await call(client, "get_job", job_id=handed_over.job_id, wait=30)

    assert (handed_over.state, handed_over.success) == (JobState.RUNNING, False)
    assert handed_over.hint is not None
    assert handed_over.job_id in handed_over.hint
    assert looked_at.state is JobState.RUNNING
    assert (ended.state, ended.output, ended.job_id) == (JobState.SUCCEEDED, "before\nafter\n", handed_over.job_id)


async def test_handed_over_command_shows_its_newest_output(
    hasty_system: System, hasty_product: Product, api_server: ApiServer, name: str
) -> None:
    await hasty_product.worker()
    outputs: list[str] = []
    async with mcp_client(hasty_system.url, kubeconfig=api_server.kubeconfig()) as client:

        async def is_handed_over_with_output() -> bool:
            """On a slow machine a command is handed over before it has printed anything: then the next one."""
            handed_over = await call(client, "kubectl", command="logs web-1 -f")
            cancelled = await call(client, "cancel_job", job_id=handed_over.job_id)
            ended = await call(client, "get_job", job_id=handed_over.job_id, wait=30)
            assert cancelled.job_id == handed_over.job_id
            assert ended.state is JobState.CANCELLED
            outputs.append(handed_over.output)
            return bool(handed_over.output)

        await wait_until(is_handed_over_with_output)

    assert outputs[-1].startswith("starting\n")


@pytest.mark.parametrize("mode", MODES)
async def test_any_gateway_serves_any_request_of_a_session(
    system: System, caller: Caller, name: str, mode: str
) -> None:
    job_id = await caller.running("stub", f"read hang {name}")
    before = {gateway.url: _mcp_requests(gateway.process) for gateway in system.gateways}
    async with (
        one_address([gateway.url for gateway in system.gateways]) as url,
        mcp_client(url, kubeconfig=caller.kubeconfig, mode=mode) as client,
    ):
        outputs = [(await call(client, "kubectl", command="get pods -o name")).output for _ in range(4)]
        cancelled = await call(client, "cancel_job", job_id=job_id)
        ended = await call(client, "get_job", job_id=job_id, wait=30)

    assert outputs == ["pod/web-1\npod/web-2\n"] * 4
    assert cancelled.job_id == job_id
    assert ended.state is JobState.CANCELLED
    assert min(_mcp_requests(gateway.process) - before[gateway.url] for gateway in system.gateways) >= 2


def _mcp_requests(gateway: Process) -> int:
    return gateway.output().count('"route": "/mcp"')
