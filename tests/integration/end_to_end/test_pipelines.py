"""Commands with filters behind them, over REST and MCP, with the real kubectl."""

import json

import httpx
import pytest

from tests.integration.end_to_end.system import System, needs_landlock
from tests.support.caller import Caller
from tests.support.mcp_caller import MODES, call, mcp_client, text_of

NAMES = "get pods -n default -o name | sed s,^pod/,, | sort -r | head -1"
JSON_NAMES = "get pods -n default -o json | jq -r '.items[].metadata.name' | sort | head -5"


async def has(caller: Caller, name: str) -> bool:
    """Whether the system's worker has that filter."""
    response = await caller.run("stub", f"read ok | {name} --version")
    return "this worker has no" not in f"{response.error}"


async def test_output_passes_the_filters(caller: Caller) -> None:
    assert await caller.output("kubectl", NAMES) == "web-2\n"


async def test_json_passes_jq_sort_and_head(caller: Caller) -> None:
    if not await has(caller, "jq"):
        pytest.skip("this machine has no jq that is a program")

    assert await caller.output("kubectl", JSON_NAMES) == "web-1\nweb-2\n"


@pytest.mark.parametrize("mode", MODES)
async def test_answer_over_mcp_is_the_one_of_rest(system: System, caller: Caller, mode: str) -> None:
    async with mcp_client(system.url, kubeconfig=caller.kubeconfig, mode=mode) as client:
        response = await call(client, "kubectl", command=NAMES)

    assert (response.success, response.output, response.exit_code) == (True, "web-2\n", 0)


async def test_failure_of_the_tool_is_that_of_the_pipeline(caller: Caller) -> None:
    response = await caller.run("kubectl", "get pod missing -o name | wc -l")

    assert (response.success, response.exit_code, response.output) == (False, 1, "0\n")
    assert response.error is not None
    assert response.error.startswith("[kubectl] Error from server (NotFound)")
    assert response.error.endswith("\nkubectl ended with exit code 1")


async def test_pattern_that_matches_nothing_is_told(caller: Caller) -> None:
    response = await caller.run("kubectl", "get pods -o name | grep database")

    assert (response.success, response.exit_code, response.error) == (False, 1, "grep ended with exit code 1")


async def test_read_may_be_cut_off(caller: Caller) -> None:
    response = await caller.run("stub", "read flood 10000000 | head -c 3")

    assert (response.success, response.output, response.error) == (True, "xxx", None)


async def test_watch_behind_a_filter_ends_as_a_success(caller: Caller) -> None:
    response = await caller.run("kubectl", "get pods -n default -o name -w | sort -u", timeout=2)

    assert (response.success, response.output, response.exit_code) == (True, "pod/web-1\npod/web-2\n", 0)


async def test_pipe_in_quotes_is_text(caller: Caller, name: str) -> None:
    await caller.output("kubectl", f"create cm {name} --from-literal='a=b|c'")

    assert await caller.output("kubectl", f"get cm {name} -o jsonpath='{{.data.a}}'") == "b|c"


async def test_filter_reads_the_files_of_the_request(caller: Caller) -> None:
    files = {"wanted/names.txt": "web-2\n"}

    assert await caller.output("kubectl", "get pods -o name | grep -f wanted/names.txt", files=files) == "pod/web-2\n"


@needs_landlock
async def test_filter_has_nothing_of_the_caller_or_the_worker(caller: Caller) -> None:
    behind = "awk 'BEGIN{for (name in ENVIRON) print name}' | sort | tr '\\n' ' '"

    assert await caller.output("kubectl", f"get pods -o name | {behind}") == "LANG LC_ALL PATH "


@needs_landlock
async def test_filter_starts_no_program_and_reads_no_file_of_the_worker(caller: Caller) -> None:
    started = await caller.run("stub", """read ok | awk 'BEGIN{system("/usr/bin/id")} 1'""")
    read = await caller.run("stub", "read ok | grep -r root /etc")

    assert started.output == "ok\n"
    assert (read.success, read.output) == (False, "")


@pytest.mark.parametrize("behind", ["sh", "tee /tmp/x", "xargs kubectl delete", "/usr/bin/sort", "", "sort -o /x"])
async def test_what_is_no_filter_is_refused_over_rest(caller: Caller, behind: str) -> None:
    answer = await caller.post("kubectl", f"get pods | {behind}")

    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert answer.json()["type"] in ("urn:mcp-k8s:problem:command-pipeline", "urn:mcp-k8s:problem:flag-refused")


async def test_what_is_no_filter_is_refused_over_mcp_with_the_filters(system: System, caller: Caller) -> None:
    async with mcp_client(system.url, kubeconfig=caller.kubeconfig) as client:
        result = await client.call_tool("kubectl", {"command": "get pods | sh"})
        described = {tool.name: tool.description for tool in (await client.list_tools()).tools}

    assert result.is_error
    assert "jq, yq, grep, sed, awk, sort" in json.loads(text_of(result))["detail"]
    assert "jq, yq, grep, sed, awk, sort" in f"{described['helm']}"
