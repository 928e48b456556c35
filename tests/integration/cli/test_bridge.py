"""The stdio bridge in front of a real gateway and worker, with the stub CLI where what runs must be exact."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, TextIO

import mcp_types as types
import pytest
from mcp import Client, MCPError

from shared.tools import registry
from tests.integration.cli.family import Family
from tests.integration.end_to_end.system import System, start
from tests.support import credential_program, kubeconfigs, processes
from tests.support.bridge import Bridge
from tests.support.counting import CountingServer, counting_server
from tests.support.credential_program import CredentialProgram
from tests.support.mcp_caller import LEGACY, MODERN, MODES, call, text_of
from tests.support.product import Product
from tests.support.valkey import APPEND_ONLY, Valkey, long_lived
from tests.support.waiting import wait_until

END_TIMEOUT_S = 30.0
NO_CLUSTER = "https://127.0.0.1:1"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with long_lived() as valkey, Product(valkey.url, tmp_path_factory.mktemp("bridge")) as product:
        yield start(product, gateways=1, workers=1)


@pytest.fixture
async def counting() -> AsyncIterator[CountingServer]:
    async with counting_server() as server:
        yield server


@pytest.fixture
def bridge(tmp_path: Path) -> Bridge:
    return Bridge(tmp_path)


@pytest.fixture
def program(tmp_path: Path) -> CredentialProgram:
    return credential_program.install(tmp_path / "program")


@pytest.fixture
def kubeconfig(program: CredentialProgram, counting: CountingServer, tmp_path: Path) -> str:
    """Two contexts, of a user whose token comes from a cloud's program."""
    path = tmp_path / "kubeconfig"
    users = [{"name": "canary-user", "user": program.user()}]
    path.write_text(kubeconfigs.text(cluster={"server": f"https://127.0.0.1:{counting.port}"}, users=users))
    return str(path)


async def called(client: Client, tool: str, **arguments: Any) -> types.CallToolResult:
    """Lists the tools first, as models' clients do."""
    await client.list_tools()
    return await client.call_tool(tool, arguments)


@pytest.mark.parametrize("mode", MODES)
async def test_tools_and_results_are_the_gateways_own_and_share_a_token(
    bridge: Bridge, system: System, kubeconfig: str, program: CredentialProgram, *, mode: str
) -> None:
    async with bridge.client("--url", system.url, "--kubeconfig", kubeconfig, mode=mode) as client:
        tools = (await client.list_tools()).tools
        assert not program.runs, "nothing is run before a call needs it"
        responses = [await call(client, "stub", command="read say 'two words'") for _ in range(3)]

    assert [tool.name for tool in tools][: len(registry.NAMES)] == [*registry.NAMES]
    assert {(response.success, response.output) for response in responses} == {(True, "two words\n")}
    assert len(program.runs) == 1


@pytest.mark.parametrize("mode", MODES)
async def test_progress_comes_through(
    bridge: Bridge, system: System, kubeconfig: str, counting: CountingServer, mode: str
) -> None:
    has_progress = asyncio.Event()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        has_progress.set()

    async with bridge.client("--url", system.url, "--kubeconfig", kubeconfig, mode=mode) as client:
        arguments = {"command": counting.command("read", mode, "hold")}
        async with asyncio.TaskGroup() as group:
            calling = group.create_task(client.call_tool("stub", arguments, progress_callback=on_progress))
            async with asyncio.timeout(END_TIMEOUT_S):
                await has_progress.wait()
            counting.release(mode)

    assert json.loads(text_of(calling.result()))["output"] == "started\nended\n"


async def test_cancelled_call_ends_the_read_that_it_waits_for(
    bridge: Bridge, system: System, kubeconfig: str, counting: CountingServer
) -> None:
    async with bridge.client("--url", system.url, "--kubeconfig", kubeconfig, mode=MODERN) as client:
        await client.list_tools()
        calling = asyncio.create_task(client.call_tool("stub", {"command": counting.command("read", "c", "hold")}))
        await counting.started("c")
        calling.cancel()
        await asyncio.wait({calling})
        await counting.gone("c", timeout_s=END_TIMEOUT_S)

        assert (await call(client, "stub", command="read ok")).success

    assert not counting.ends["c"]


async def test_token_that_has_ended_is_renewed_within_the_session(
    bridge: Bridge, system: System, kubeconfig: str, program: CredentialProgram
) -> None:
    program.behave(life_s=0)
    async with bridge.client("--url", system.url, "--kubeconfig", kubeconfig) as client:
        for _ in range(3):
            assert (await call(client, "stub", command="read ok")).success

    assert len(program.runs) == 3


@pytest.mark.parametrize(
    ("mode", "behaviour", "problem"),
    [
        (MODERN, {"exit_code": 1, "complaint": "run `aws sso login`"}, "ended with exit code 1: run `aws sso login`"),
        (LEGACY, {"prints": "canary-token"}, "did not print an ExecCredential"),
    ],
    ids=["fails", "garbage"],
)
async def test_program_without_a_credential_is_a_tools_error(
    bridge: Bridge,
    system: System,
    kubeconfig: str,
    program: CredentialProgram,
    *,
    mode: str,
    behaviour: dict[str, Any],
    problem: str,
) -> None:
    program.behave(**behaviour)
    async with bridge.client("--url", system.url, "--kubeconfig", kubeconfig, mode=mode) as client:
        result = await called(client, "stub", command="read ok")
        looked_at = await called(client, "get_job", job_id="0" * 48)
        program.behave()
        later = await call(client, "stub", command="read ok")

    assert result.is_error
    assert problem in text_of(result)
    assert "canary-token" not in text_of(result)
    assert "job" in json.loads(text_of(looked_at))["detail"], "a job is looked at without a credential"
    assert later.success


async def test_call_chooses_a_context_unless_the_user_has(bridge: Bridge, system: System, kubeconfig: str) -> None:
    path = "read environment"
    async with bridge.client("--url", system.url, "--kubeconfig", kubeconfig) as client:
        chosen = await called(client, "stub", command=path, context="there")
        unknown = await called(client, "stub", command=path, context="nowhere")
    async with bridge.client("--url", system.url, "--kubeconfig", kubeconfig, "--context", "here") as client:
        refused = await called(client, "stub", command=path, context="there")

    assert not chosen.is_error
    assert "contexts: here, there" in text_of(unknown)
    assert refused.is_error
    assert "here" in json.loads(text_of(refused))["detail"]


async def test_no_secret_is_on_standard_error_or_a_command_line(
    bridge: Bridge, system: System, kubeconfig: str, program: CredentialProgram
) -> None:
    variables = {"ARGOCD_SERVER": "argo.example", "ARGOCD_AUTH_TOKEN": "canary-token-of-argo"}
    async with bridge.client("--url", system.url, "--kubeconfig", kubeconfig, **variables) as client:
        await call(client, "stub", command="read ok")
        program.behave(life_s=0, prints="canary-token")
        await called(client, "stub", command="read ok")
        with Family(os.getpid()) as family:
            lines = "\n".join(family.commands.values())

    assert program.runs
    assert "mcp-stdio" in lines
    assert kubeconfigs.leaks(bridge.errors) == []
    assert kubeconfigs.leaks(lines) == []


async def test_end_of_input_ends_the_bridge_and_a_program_that_hangs(
    bridge: Bridge, system: System, kubeconfig: str, program: CredentialProgram
) -> None:
    program.behave(hangs=True)
    async with bridge.client("--url", system.url, "--kubeconfig", kubeconfig) as client:
        calling = asyncio.create_task(client.call_tool("stub", {"command": "read ok"}))
        await wait_until(lambda: program.runs, timeout_s=END_TIMEOUT_S)
        assert (await client.list_tools()).tools, "others go on meanwhile"
    await asyncio.wait({calling})

    [told] = bridge.errors.splitlines()  # that no process is left is checked after each test
    assert "not answered: tools/call" in told
    assert told.endswith("no command was run")


async def test_requests_received_before_the_end_of_input_are_answered(
    bridge: Bridge, system: System, kubeconfig: str
) -> None:
    process = _raw(bridge, "--url", system.url, "--kubeconfig", kubeconfig)
    initialize = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "shell", "version": "1"}}
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": _command("read say canary")},
    ]
    lines = "".join(json.dumps(message) + "\n" for message in messages)
    output, _ = process.communicate(lines.encode(), timeout=END_TIMEOUT_S)

    answers = {answer["id"]: answer["result"] for answer in map(json.loads, output.splitlines())}
    assert process.returncode == 0
    assert answers.keys() == {1, 2}
    assert answers[2]["structuredContent"]["output"] == "canary\n"


@pytest.mark.parametrize("end", ["the client is gone", "SIGTERM"])
async def test_forwarded_call_is_not_dropped_silently(
    bridge: Bridge, system: System, kubeconfig: str, counting: CountingServer, end: str
) -> None:
    process = _raw(bridge, "--url", system.url, "--kubeconfig", kubeconfig, stderr=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    command = _command(counting.command("write", end[-4:], "hold"))
    try:
        _write(process, {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": command})
        await counting.started(end[-4:])
        process.stdin.close()
        if end == "SIGTERM":
            process.terminate()
        else:
            process.stdout.close()
        told = (await asyncio.to_thread(process.stderr.read)).decode()
    finally:
        counting.release(end[-4:])
        process.kill()
        process.wait(END_TIMEOUT_S)
        process.stdout.close()
        process.stderr.close()

    assert "not answered: tools/call (id 7); a command may still run, or may have taken effect" in told


async def test_call_without_any_kubeconfig_names_the_bridges_own_options(bridge: Bridge, system: System) -> None:
    async with bridge.client("--url", system.url) as client:
        result = await called(client, "kubectl", command="get pods")

    problem = json.loads(text_of(result))
    assert result.is_error
    assert problem["type"].endswith("kubeconfig-required")
    assert "--kubeconfig FILE, set KUBECONFIG" in problem["detail"]
    assert "X-Kubeconfig" not in problem["detail"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_signal_ends_the_bridge_while_its_input_is_open(
    bridge: Bridge, system: System, kubeconfig: str, program: CredentialProgram, number: signal.Signals
) -> None:
    program.behave(hangs=True)
    process = _raw(bridge, "--url", system.url, "--kubeconfig", kubeconfig)
    try:
        _write(process, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": _command("read ok")})
        await wait_until(lambda: program.runs, timeout_s=END_TIMEOUT_S)
        with Family(process.pid) as family:
            process.send_signal(number)
            assert family.survivors(timeout_s=END_TIMEOUT_S) == []
        assert process.wait(END_TIMEOUT_S) == 0
    finally:
        process.kill()
        process.communicate()


async def test_what_is_no_message_is_answered_as_json_rpc_says(bridge: Bridge, system: System) -> None:
    process = _raw(bridge, "--url", system.url)
    lines = b'{"jsonrpc": "2.0", "id": 1, "meth\n[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]\n'
    answer, _ = process.communicate(lines, timeout=END_TIMEOUT_S)

    errors = [json.loads(line) for line in answer.splitlines()]
    assert [(error["id"], error["error"]["code"]) for error in errors] == [(None, -32700), (None, -32600)]


async def test_gateway_that_is_not_there_is_told(bridge: Bridge) -> None:
    with pytest.raises((MCPError, ExceptionGroup), match=r"No gateway answers|unhandled errors") as error:
        async with bridge.client("--url", NO_CLUSTER.replace("https", "http"), mode=LEGACY):
            pass

    assert "No gateway answers" in repr(error.value)
    assert bridge.errors.count("no gateway answers yet: trying again") == 1


async def test_restart_of_the_gateway_repeats_reads_and_no_write(
    bridge: Bridge, kubeconfig: str, counting: CountingServer, tmp_path: Path
) -> None:
    folder = tmp_path / "product"
    folder.mkdir()
    with Valkey(APPEND_ONLY) as valkey, Product(valkey.url, folder) as product:
        url, gateway = product.start_gateway()
        await product.worker()
        async with bridge.client("--url", url, "--kubeconfig", kubeconfig) as client:
            await client.list_tools()
            writing = asyncio.create_task(client.call_tool("stub", {"command": counting.command("write", "w", "hold")}))
            await counting.started("w")
            gateway.kill()
            reading = asyncio.create_task(client.call_tool("kubectl", {"command": "version --client"}))
            lost = await writing
            product.start("gateway", K8S_MCP_PORT=url.rpartition(":")[2])
            read = await reading
            counting.release("w")
            await counting.gone("w", timeout_s=END_TIMEOUT_S)

    assert lost.is_error
    assert "Its outcome is unknown" in text_of(lost)
    assert json.loads(text_of(read))["success"]
    assert counting.starts["w"] == 1


def _command(text: str) -> dict[str, Any]:
    return {"name": "stub", "arguments": {"command": text}}


def _raw(bridge: Bridge, *arguments: str, stderr: int | TextIO = sys.stderr) -> "subprocess.Popen[bytes]":
    parameters = bridge.parameters(*arguments)
    return subprocess.Popen(
        processes.dying_with_parent([parameters.command, *parameters.args]),
        env=parameters.env,
        cwd=parameters.cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
    )


def _write(process: "subprocess.Popen[bytes]", message: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()
