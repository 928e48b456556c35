"""The official TypeScript clients: the SDK of both generations, and Inspector's command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.tools import registry
from tests.integration.end_to_end.system import Gateway
from tests.integration.mcp.conftest import Clients
from tests.integration.mcp.node import INSPECTOR, Node
from tests.support import stub

IS_ERROR_EXIT_CODE = 5
needs_time = pytest.mark.timeout(150)


def printed(node: Node, script: str, *arguments: str, home: Path) -> dict[str, Any]:
    ran = node.run_script(script, *arguments, home=home)
    assert ran.exit_code == 0, ran.errors
    value: dict[str, Any] = json.loads(ran.output)
    return value


def inspected(node: Node, gateway: Gateway, *arguments: str, home: Path) -> tuple[int, dict[str, Any]]:
    """The exit code, and the result of the method that the arguments name."""
    server = ("--cli", "--server-url", f"{gateway.url}/mcp", "--transport", "http", "--format", "json", "--quiet")
    ran = node.run(node.packages / INSPECTOR, *server, *arguments, home=home)
    assert ran.output, ran.errors
    result: dict[str, Any] = json.loads(ran.output)["result"]
    return ran.exit_code, result


@needs_time
def test_sdk_calls_tools_and_runs_tasks(served: Clients, node_clients: Node, home: Path) -> None:
    said = printed(node_clients, "sdk.mjs", served.patient.url, served.hasty.url, home=home)

    assert said["revision"] == "2025-11-25"
    assert [tool["name"] for tool in said["tools"]][: len(registry.NAMES)] == [*registry.NAMES]
    assert (said["answer"]["isError"], said["answer"]["structuredContent"]["output"]) == (False, "hello\n")
    assert (said["failure"]["isError"], said["failure"]["structuredContent"]["exit_code"]) == (True, 3)
    assert "get_job" in said["handedOver"]["structuredContent"]["hint"]
    assert said["ended"]["structuredContent"]["output"] == "done\n"
    assert (said["succeeded"][0]["type"], said["succeeded"][-1]["type"]) == ("taskCreated", "result")
    assert said["succeeded"][-1]["result"]["structuredContent"]["output"] == "task\n"
    assert said["failed"][-2]["task"]["statusMessage"] == "it failed"
    assert said["cancelled"]["status"] == "cancelled"


@needs_time
@pytest.mark.parametrize(("mode", "era"), [("auto", "modern"), ("legacy", "legacy"), ("2026-07-28", "modern")])
def test_client_negotiates_and_calls_tools(
    served: Clients, node_clients: Node, home: Path, *, mode: str, era: str
) -> None:
    said = printed(node_clients, "client.mjs", served.patient.url, mode, home=home)

    assert said["era"] == era
    assert [tool["name"] for tool in said["tools"]][: len(registry.NAMES)] == [*registry.NAMES]
    assert said["answer"]["structuredContent"]["output"] == "hello\n"
    assert "command-quotes" in said["refusal"]["content"][0]["text"]


@needs_time
def test_inspector_finds_no_fault_in_the_tools(served: Clients, node_clients: Node, home: Path) -> None:
    code, result = inspected(node_clients, served.patient, "--method", "tools/list", "--strict", home=home)

    assert code == 0
    assert [tool["name"] for tool in result["tools"]][: len(registry.NAMES)] == [*registry.NAMES]


@needs_time
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_inspector_sends_the_header_and_shows_the_result(
    served: Clients, node_clients: Node, home: Path, era: str
) -> None:
    call = ("--protocol-era", era, "--method", "tools/call", "--tool-name", "stub", "--tool-arg", "command=read say hi")
    code, result = inspected(node_clients, served.patient, *call, home=home)
    assert (code, result["structuredContent"]["output"]) == (0, "hi\n")

    code, result = inspected(node_clients, served.patient, *call, "--header", "X-Kubeconfig: none", home=home)
    assert (code, result["isError"]) == (IS_ERROR_EXIT_CODE, True)


@needs_time
def test_inspector_follows_a_task_to_its_end(served: Clients, node_clients: Node, home: Path) -> None:
    """Of a gateway that waits for no command: the result is the task's."""
    call = ("--method", "tools/call", "--tool-name", stub.STUB.name, "--tool-arg", "command=read say done")
    code, result = inspected(node_clients, served.hasty, "--protocol-era", "modern", *call, home=home)

    assert (code, result["structuredContent"]["output"]) == (0, "done\n")
