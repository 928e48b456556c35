"""MCP over a real gateway process, with the official Python client in every mode that it has."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import mcp_types as types
import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from redis.asyncio import Redis

from shared.effects import Limit
from shared.models import CommandClass
from shared.tools import registry
from tests.integration.gateway import served
from tests.integration.gateway.mcp import mcp_caller
from tests.integration.gateway.mcp.mcp_caller import MODES
from tests.integration.gateway.served import Served
from tests.support import kubeconfigs
from tests.support.hand_worker import HandWorker
from tests.support.waiting import wait_until

TOOLS = [*registry.NAMES, "inspect", "get_job", "list_jobs", "cancel_job", "read_output"]
UNKNOWN = "0" * 48


@pytest.fixture(params=MODES)
async def mode(request: pytest.FixtureRequest, worker: HandWorker) -> str:
    """Each mode, on an empty Redis, with a worker that seems to live."""
    await worker.announce()
    mode: str = request.param
    return mode


@asynccontextmanager
async def connected(gateway: Served, mode: str, **changes: Any) -> AsyncIterator[Client]:
    async with mcp_caller.connected(gateway.url, mode, served.kubeconfig_header(**changes)) as mcp:
        yield mcp


async def finish_next(redis: Redis, worker: HandWorker, output: str = "pods") -> str:
    """Runs the job that is about to be queued; its id."""
    await wait_until(lambda: served.queued(redis))
    [job_id] = await served.queued(redis)
    await worker.finish(job_id, output=output)
    return job_id


async def test_tools_are_listed_in_one_order(gateway: Served, mode: str) -> None:
    async with connected(gateway, mode) as mcp:
        assert [tool.name for tool in (await mcp.list_tools()).tools] == TOOLS


async def test_schemas_show_no_kubeconfig_and_what_comes_back(gateway: Served, mode: str) -> None:
    async with connected(gateway, mode) as mcp:
        tools = {tool.name: tool for tool in (await mcp.list_tools()).tools}
    for name in registry.NAMES:
        schema = tools[name].input_schema
        assert set(schema["properties"]) == {"command", "namespace", "context", "stdin", "files", "timeout"}
        assert schema["required"] == ["command"]
        assert schema["properties"]["namespace"]["type"] == "string"
    assert set(tools["get_job"].input_schema["properties"]) == {"job_id", "wait"}
    assert set(tools["cancel_job"].input_schema["properties"]) == {"job_id"}
    assert set(tools["read_output"].input_schema["properties"]) == {"job_id", "stream", "offset"}
    for name in (*TOOLS[:6], "cancel_job"):
        shown = set((tools[name].output_schema or {})["properties"])
        assert {"success", "output", "error", "exit_code", "job_id"} <= shown


async def test_annotations_say_what_a_tool_may_do(gateway: Served, mode: str) -> None:
    async with connected(gateway, mode) as mcp:
        tools = {tool.name: tool.annotations for tool in (await mcp.list_tools()).tools}
    assert tools["kubectl"] == types.ToolAnnotations(
        read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True
    )
    for name, reaches_cluster in (("inspect", True), ("get_job", False)):
        assert tools[name] == types.ToolAnnotations(
            read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=reaches_cluster
        )


async def test_result_is_the_response_twice(gateway: Served, redis: Redis, worker: HandWorker, mode: str) -> None:
    """Structured for clients that take it, and the same JSON as text for those that do not."""
    async with connected(gateway, mode) as mcp, asyncio.TaskGroup() as group:
        finished = group.create_task(finish_next(redis, worker))
        result = await mcp_caller.called(mcp, "kubectl", {"command": served.READ_COMMAND})
    assert not result.is_error
    assert result.structured_content == mcp_caller.text(result)
    assert mcp_caller.text(result)["output"] == "pods"
    assert mcp_caller.text(result)["job_id"] == await finished


async def test_kubeconfig_of_the_header_is_what_the_worker_gets(
    gateway: Served, redis: Redis, worker: HandWorker, mode: str
) -> None:
    async with connected(gateway, mode) as mcp, asyncio.TaskGroup() as group:
        call = group.create_task(mcp_caller.called(mcp, "kubectl", {"command": "get pods", "context": "there"}))
        await wait_until(lambda: served.queued(redis))
        claim = await worker.claim((await served.queued(redis))[0])
        command = worker.request(claim).command
        await worker.settle(claim)
        await call
    assert '"current-context": "there"' in (command.kubeconfig or "")
    assert command.arguments == ("get", "pods")


async def test_inspected_command_reaches_its_worker_as_a_read_of_its_tool(
    gateway: Served, redis: Redis, worker: HandWorker, mode: str
) -> None:
    arguments = {"tool": "kubectl", "command": "diff -f -", "stdin": "kind: Pod", "namespace": None}
    async with connected(gateway, mode) as mcp, asyncio.TaskGroup() as group:
        call = group.create_task(mcp_caller.called(mcp, "inspect", arguments))
        await wait_until(lambda: served.queued(redis))
        claim = await worker.claim((await served.queued(redis))[0])
        request = worker.request(claim)
        await worker.settle(claim)
        await call
    assert (request.command_class, request.command.effects.limit) == (CommandClass.READ, Limit.READ)
    assert (request.command.tool, request.command.arguments) == ("kubectl", ("diff", "-f", "-"))
    assert request.command.stdin == "kind: Pod"


async def test_kubeconfig_as_an_argument_is_served_though_not_shown(
    gateway: Served, redis: Redis, worker: HandWorker, mode: str
) -> None:
    arguments = {"command": served.READ_COMMAND, "kubeconfig": kubeconfigs.encoded()}
    async with mcp_caller.connected(gateway.url, mode) as mcp, asyncio.TaskGroup() as group:
        group.create_task(finish_next(redis, worker))
        assert not (await mcp_caller.called(mcp, "kubectl", arguments)).is_error


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("kubectl", {"command": ""}, "command-empty"),
        ("kubectl", {"command": "get pods | sh"}, "command-pipeline"),
        ("kubectl", {"command": "get pods 'x"}, "command-quotes"),
        ("kubectl", {"command": "get pods --token canary-token"}, "flag-refused"),
        ("kubectl", {"command": "get pods", "context": "nowhere"}, "context-unknown"),
        ("kubectl", {}, "request-invalid"),
        ("kubectl", {"command": ["get"]}, "request-invalid"),
        ("kubectl", {"command": "get pods", "canary": "canary-token"}, "request-invalid"),
        ("kubectl", {"command": "get pods", "kubeconfig": ["canary-token"]}, "request-invalid"),
        ("kubectl", {"command": "get pods", "timeout": -1}, "request-invalid"),
        ("inspect", {"tool": "kubectl", "command": "delete pod web"}, "policy-denied"),
        ("inspect", {"tool": "nope", "command": "get pods"}, "request-invalid"),
        ("inspect", {"command": "get pods"}, "request-invalid"),
        ("list_jobs", {"tool": "nope"}, "request-invalid"),
        ("get_job", {"job_id": UNKNOWN}, "job-unknown"),
        ("get_job", {"job_id": "../queued"}, "job-unknown"),
        ("get_job", {}, "request-invalid"),
        ("get_job", {"job_id": UNKNOWN, "wait": -1}, "request-invalid"),
        ("cancel_job", {"job_id": UNKNOWN}, "job-unknown"),
        ("cancel_job", {"job_id": ["canary-token"]}, "request-invalid"),
    ],
)
async def test_refusal_is_a_result_that_says_what_to_do(
    gateway: Served, redis: Redis, *, mode: str, tool: str, arguments: dict[str, Any], code: str
) -> None:
    async with connected(gateway, mode) as mcp:
        result = await mcp_caller.called(mcp, tool, arguments)
    assert mcp_caller.code(result) == code
    assert mcp_caller.text(result)["detail"]
    assert not kubeconfigs.leaks(result.model_dump_json())
    assert not kubeconfigs.leaks(gateway.process.output())
    assert await served.is_untouched(redis)


@pytest.mark.parametrize("tool", ["nope", "submit_job"])
async def test_unknown_tool_is_an_error_of_the_protocol(gateway: Served, redis: Redis, *, mode: str, tool: str) -> None:
    async with connected(gateway, mode) as mcp:
        with pytest.raises(MCPError, match=", ".join(registry.NAMES)) as caught:
            await mcp_caller.called(mcp, tool, {"command": "get pods"})
    assert caught.value.code == types.INVALID_PARAMS
    assert await served.is_untouched(redis)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"user": {"exec": {"command": "canary-user"}}}, "users[0].user.exec"),
        ({"cluster": {"proxy-url": "http://canary-host"}}, "clusters[0].cluster.proxy-url"),
    ],
)
async def test_refused_kubeconfig_is_named_by_its_field(
    gateway: Served, redis: Redis, *, mode: str, changes: dict[str, Any], says: str
) -> None:
    async with connected(gateway, mode, **changes) as mcp:
        result = await mcp_caller.called(mcp, "kubectl", {"command": "get pods"})
    assert mcp_caller.code(result) == "kubeconfig-field-refused"
    assert says in mcp_caller.text(result)["detail"]
    assert not kubeconfigs.leaks(result.model_dump_json())
    assert await served.is_untouched(redis)


async def test_command_without_a_kubeconfig_is_told_which_header_is_missing(gateway: Served, mode: str) -> None:
    async with mcp_caller.connected(gateway.url, mode) as mcp:
        result = await mcp_caller.called(mcp, "kubectl", {"command": "get pods"})
    assert mcp_caller.code(result) == "kubeconfig-required"
    assert "X-Kubeconfig" in mcp_caller.text(result)["detail"]


@pytest.mark.parametrize("client_mode", MODES)
async def test_no_worker_is_a_result_too(gateway: Served, redis: Redis, client_mode: str) -> None:
    async with mcp_caller.connected(gateway.url, client_mode) as mcp:
        result = await mcp_caller.called(mcp, "kubectl", {"command": served.LOCAL_COMMAND})
    assert mcp_caller.code(result) == "no-worker"
    assert await served.is_untouched(redis)


async def test_no_worker_any_more_is_a_result_too(gateway: Served, redis: Redis, worker: HandWorker, mode: str) -> None:
    async with connected(gateway, mode) as mcp:
        call = asyncio.create_task(mcp_caller.called(mcp, "kubectl", {"command": "get pods"}))
        await wait_until(lambda: served.queued(redis))
        await worker.die()
        assert mcp_caller.code(await call) == "no-worker"
    assert not await served.queued(redis)


async def test_failed_command_is_an_error_with_its_response(
    gateway: Served, redis: Redis, worker: HandWorker, mode: str
) -> None:
    async with connected(gateway, mode) as mcp:
        call = asyncio.create_task(mcp_caller.called(mcp, "kubectl", {"command": "get pods"}))
        await wait_until(lambda: served.queued(redis))
        [job_id] = await served.queued(redis)
        async with httpx.AsyncClient(base_url=gateway.url) as rest:
            await rest.delete(f"/jobs/{job_id}")
        result = await call
    assert result.is_error
    assert (mcp_caller.text(result)["state"], mcp_caller.text(result)["job_id"]) == ("cancelled", job_id)
