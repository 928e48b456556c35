"""Tasks of both revisions that have them, over the wire, by turns through two gateways."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import mcp_types as types
import pytest

from tests.integration.mcp import wire
from tests.integration.mcp.conftest import Clients
from tests.support.waiting import wait_until

TIMEOUT_S = 30.0
UNKNOWN = "0" * 48
TASK_METHODS = ["tasks/get", "tasks/cancel", "tasks/update"]
OTHER_REVISIONS = ["2024-11-05", "2025-03-26", "2025-06-18"]


@pytest.fixture
async def first(served: Clients) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.hasty.url, timeout=TIMEOUT_S) as client:
        yield client


@pytest.fixture
async def second(served: Clients) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.other_hasty.url, timeout=TIMEOUT_S) as client:
        yield client


def call(command: str, **more: Any) -> dict[str, Any]:
    return {"name": "stub", "arguments": {"command": command}, **more}


async def created(client: httpx.AsyncClient, command: str) -> dict[str, Any]:
    return (await wire.ask_modern(client, "tools/call", call(command), extensions=(wire.TASKS,))).result


async def created_core(client: httpx.AsyncClient, command: str) -> dict[str, Any]:
    answer = await wire.ask_core(client, "tools/call", call(command, task={"ttl": 60_000}))
    task: dict[str, Any] = answer.result["task"]
    return task


async def got(client: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    return (await wire.ask_modern(client, "tasks/get", asked("tasks/get", task_id), extensions=(wire.TASKS,))).result


def asked(method: str, task_id: str) -> dict[str, Any]:
    return {"taskId": task_id, **({"inputResponses": {}} if method == "tasks/update" else {})}


async def ended(client: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    """The task when it works no more."""
    found: dict[str, Any] = {}

    async def works_no_more() -> bool:
        found.update(await got(client, task_id))
        return bool(found["status"] != "working")

    await wait_until(works_no_more, timeout_s=TIMEOUT_S)
    return found


def response(result: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = types.CallToolResult.model_validate(result).structured_content or {}
    return content


async def test_inspected_command_becomes_a_task_in_both_revisions(first: httpx.AsyncClient) -> None:
    asked = {"name": "inspect", "arguments": {"tool": "stub", "command": "read say done"}}
    modern = (await wire.ask_modern(first, "tools/call", asked, extensions=(wire.TASKS,))).result
    core = (await wire.ask_core(first, "tools/call", {**asked, "task": {"ttl": 60_000}})).result["task"]

    for task in (modern, core):
        assert response((await ended(first, task["taskId"]))["result"])["output"] == "done\n"


async def test_task_is_the_job_and_its_result_the_one_of_the_call(
    first: httpx.AsyncClient, second: httpx.AsyncClient
) -> None:
    task = await created(first, "read say done")
    assert (task["resultType"], task["status"]) == ("task", "working")
    assert task["ttlMs"] > 0
    assert task["pollIntervalMs"] > 0

    end = await ended(second, task["taskId"])
    job = (await first.get(f"/jobs/{task['taskId']}")).json()
    assert (end["resultType"], end["status"], end["statusMessage"]) == (
        "complete",
        "completed",
        "ended with exit code 0",
    )
    assert response(end["result"]) | {"changes": None} == job["response"]
    assert response(end["result"])["output"] == "done\n"


async def test_failed_command_completes_its_task_with_an_error(first: httpx.AsyncClient) -> None:
    """`failed` is for errors of JSON-RPC alone."""
    end = await ended(first, (await created(first, "read fail 3"))["taskId"])

    assert (end["status"], end["statusMessage"]) == ("completed", "it failed")
    assert (end["result"]["isError"], response(end["result"])["exit_code"]) == (True, 3)


async def test_working_task_tells_its_newest_line(first: httpx.AsyncClient, second: httpx.AsyncClient) -> None:
    task_id = (await created(first, "read hang"))["taskId"]

    async def tells() -> bool:
        return bool((await got(second, task_id))["statusMessage"] == "started")

    await wait_until(tells, timeout_s=TIMEOUT_S)
    await wire.ask_modern(first, "tasks/cancel", asked("tasks/cancel", task_id), extensions=(wire.TASKS,))
    await ended(first, task_id)


async def test_task_is_cancelled_through_another_gateway(first: httpx.AsyncClient, second: httpx.AsyncClient) -> None:
    task_id = (await created(first, "read hang"))["taskId"]

    for _ in range(2):  # the second time it may have ended: acknowledged all the same
        answer = await wire.ask_modern(second, "tasks/cancel", asked("tasks/cancel", task_id), extensions=(wire.TASKS,))
        assert set(answer.result) == {"resultType", "_meta"}
    end = await ended(first, task_id)
    assert (end["status"], "result" in end) == ("cancelled", False)
    answer = await wire.ask_modern(second, "tasks/cancel", asked("tasks/cancel", task_id), extensions=(wire.TASKS,))
    assert answer.result["resultType"] == "complete"


async def test_update_of_a_task_that_asks_nothing_is_acknowledged(first: httpx.AsyncClient) -> None:
    task_id = (await created(first, "read ok"))["taskId"]

    update = {"taskId": task_id, "inputResponses": {"nobody-asked": {"action": "accept"}}}
    answer = await wire.ask_modern(first, "tasks/update", update, extensions=(wire.TASKS,))
    assert answer.result["resultType"] == "complete"
    assert (await ended(first, task_id))["status"] == "completed"


async def test_client_that_declares_nothing_gets_a_result(first: httpx.AsyncClient) -> None:
    answer = await wire.ask_modern(first, "tools/call", call("read ok"))

    assert answer.result["resultType"] == "complete"
    assert response(answer.result)["job_id"]


async def test_refused_command_is_no_task(served: Clients) -> None:
    async with httpx.AsyncClient(base_url=served.patient.url, timeout=TIMEOUT_S) as client:
        answer = await wire.ask_modern(client, "tools/call", call("read 'say"), extensions=(wire.TASKS,))

    assert (answer.result["resultType"], answer.result["isError"]) == ("complete", True)


@pytest.mark.parametrize("method", TASK_METHODS)
async def test_client_that_declares_no_tasks_is_told_to(first: httpx.AsyncClient, method: str) -> None:
    answer = await wire.ask_modern(first, method, asked(method, UNKNOWN))

    assert (answer.status, answer.code) == (400, -32021)
    assert answer.error["data"] == {"requiredCapabilities": {"extensions": {wire.TASKS: {}}}}


@pytest.mark.parametrize("method", TASK_METHODS)
@pytest.mark.parametrize("task_id", [UNKNOWN, "no-id", "../queued"])
async def test_unknown_task_is_an_invalid_parameter(first: httpx.AsyncClient, method: str, task_id: str) -> None:
    answer = await wire.ask_modern(first, method, asked(method, task_id), extensions=(wire.TASKS,))

    assert (answer.status, answer.code) == (400, -32602)
    assert answer.error["data"]["type"] == "urn:mcp-k8s:problem:job-unknown"


@pytest.mark.parametrize("name", [None, "1" * 48], ids=["missing", "another"])
async def test_header_must_name_the_task(first: httpx.AsyncClient, name: str | None) -> None:
    sent = wire.headers(wire.MODERN, Mcp_Method="tasks/get") | ({"Mcp-Name": name} if name else {})
    params = {"_meta": wire.meta(wire.TASKS), "taskId": UNKNOWN}
    answer = await wire.post(first, wire.request("tasks/get", params), sent)

    assert (answer.status, answer.code) == (400, -32020)


@pytest.mark.parametrize("method", ["tasks/result", "tasks/list"])
async def test_methods_of_the_earlier_form_are_gone_since(first: httpx.AsyncClient, method: str) -> None:
    answer = await wire.ask_modern(first, method, {"taskId": UNKNOWN}, extensions=(wire.TASKS,))

    assert (answer.status, answer.code) == (404, -32601)


async def test_discovery_tells_of_the_extension_and_not_of_the_earlier_form(first: httpx.AsyncClient) -> None:
    capabilities = (await wire.ask_modern(first, "server/discover")).result["capabilities"]

    assert capabilities["extensions"] == {wire.TASKS: {}}
    assert "tasks" not in capabilities


@pytest.mark.parametrize("revision", [*OTHER_REVISIONS, wire.CORE_TASKS])
async def test_initialize_tells_of_the_earlier_form_in_its_revision_alone(
    first: httpx.AsyncClient, revision: str
) -> None:
    params = {"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    answer = await wire.post(first, wire.request("initialize", params), wire.headers(revision))

    assert answer.result["protocolVersion"] == revision
    core: dict[str, Any] = {"cancel": {}, "requests": {"tools": {"call": {}}}}
    offered = core if revision == wire.CORE_TASKS else None
    assert answer.result["capabilities"].get("tasks") == offered


@pytest.mark.parametrize("method", ["tasks/get", "tasks/cancel", "tasks/result"])
@pytest.mark.parametrize("revision", OTHER_REVISIONS)
async def test_earlier_revisions_have_no_tasks(first: httpx.AsyncClient, revision: str, method: str) -> None:
    answer = await wire.post(first, wire.request(method, {"taskId": UNKNOWN}), wire.headers(revision))

    assert answer.code == -32601


async def test_core_task_is_created_at_once_and_its_result_waited_for(
    served: Clients, first: httpx.AsyncClient
) -> None:
    """Also by a gateway that would wait for the command: the client has asked for a task."""
    async with httpx.AsyncClient(base_url=served.patient.url, timeout=TIMEOUT_S) as patient:
        task = await created_core(patient, "read say done")
    assert (task["status"], set(task) >= {"ttl", "pollInterval", "createdAt", "lastUpdatedAt"}) == ("working", True)

    result = (await wire.ask_core(first, "tasks/result", {"taskId": task["taskId"]})).result
    assert response(result)["output"] == "done\n"
    assert result["_meta"] == {"io.modelcontextprotocol/related-task": {"taskId": task["taskId"]}}
    assert (await wire.ask_core(first, "tasks/get", {"taskId": task["taskId"]})).result["status"] == "completed"


async def test_handle_of_a_task_is_no_delivery_of_its_result(first: httpx.AsyncClient) -> None:
    """Else who lost the handle would run the command again."""
    command = f"write say {secrets.token_hex(8)}"
    task_id = (await created_core(first, command))["taskId"]
    while (await wire.ask_core(first, "tasks/get", {"taskId": task_id})).result["status"] == "working":
        pass

    handles = [(await created_core(first, command))["taskId"] for _ in range(2)]

    assert handles == [task_id, task_id]


async def test_core_task_fails_with_its_command(first: httpx.AsyncClient) -> None:
    task_id = (await created_core(first, "read fail 3"))["taskId"]

    result = (await wire.ask_core(first, "tasks/result", {"taskId": task_id})).result
    assert (result["isError"], response(result)["exit_code"]) == (True, 3)
    task = (await wire.ask_core(first, "tasks/get", {"taskId": task_id})).result
    assert (task["status"], task["statusMessage"]) == ("failed", "it failed")


async def test_core_task_is_cancelled_once(first: httpx.AsyncClient, second: httpx.AsyncClient) -> None:
    task_id = (await created_core(first, "read hang"))["taskId"]

    assert (await wire.ask_core(second, "tasks/cancel", {"taskId": task_id})).result["status"] == "cancelled"
    assert (await wire.ask_core(first, "tasks/cancel", {"taskId": task_id})).code == -32602


async def test_core_task_of_a_tool_that_runs_no_command_is_refused(first: httpx.AsyncClient) -> None:
    params = {"name": "get_job", "arguments": {"job_id": UNKNOWN}, "task": {}}

    assert (await wire.ask_core(first, "tools/call", params)).code == -32601


async def test_core_task_of_a_refused_command_is_an_error_that_says_why(first: httpx.AsyncClient) -> None:
    answer = await wire.ask_core(first, "tools/call", call("read 'say", task={}))

    assert answer.code == -32602
    assert answer.error["data"]["type"] == "urn:mcp-k8s:problem:command-quotes"
    assert answer.error["message"] == answer.error["data"]["detail"]


async def test_tools_say_in_the_earlier_form_which_may_run_as_tasks(first: httpx.AsyncClient) -> None:
    earlier = {
        tool["name"]: tool.get("execution") for tool in (await wire.ask_core(first, "tools/list")).result["tools"]
    }
    later = (await wire.ask_modern(first, "tools/list")).result["tools"]

    assert (earlier["helm"], earlier["get_job"]) == ({"taskSupport": "optional"}, None)
    assert not any("execution" in tool for tool in later)
