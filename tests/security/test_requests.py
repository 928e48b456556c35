"""Hostile requests against the whole product. Those that are tried where they belong already, README.md lists."""

import asyncio
import json

import httpx
import pytest

from shared.models import CommandResponse, JobState
from shared.settings import SecurityMode
from tests.integration.end_to_end.system import needs_landlock, needs_proc, processes_with
from tests.security.attack import Attack, End
from tests.security.scene import PASSWD, Scene, Seen, seen
from tests.support import stub
from tests.support.mcp_caller import MODES, mcp_client, text_of

pytestmark = needs_landlock

STRICT = SecurityMode.STRICT
READ = {"command": "read", "kubeconfig": stub.KUBECONFIG}
OTHERS_ID = "0" * 48
ROUTES = [("GET", ""), ("GET", "/events"), ("GET", "/output"), ("GET", "/changes"), ("DELETE", "")]
IDS = [OTHERS_ID, "x", "..", "%2e%2e%2fhealth", "job:*", "a" * 10_000, "%00", "-1", "' or 1=1"]


@pytest.mark.parametrize(("method", "route"), ROUTES, ids=[f"{method}{route}" for method, route in ROUTES])
@pytest.mark.parametrize("job_id", IDS, ids=range(len(IDS)))
async def test_id_that_is_none_of_the_callers_is_unknown(scene: Scene, method: str, route: str, job_id: str) -> None:
    async with scene.http(STRICT) as http:
        answer = await http.request(method, f"/jobs/{job_id}{route}")

    assert answer.status_code in (httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED), answer.text


@pytest.mark.parametrize("wait", ["1e9", "-1", "nan", "inf", "-inf", "1e999", "0x10", ""])
async def test_wait_ends_at_once_or_is_refused_whatever_is_asked(scene: Scene, wait: str) -> None:
    """Of a job that has ended: a longest wait of a minute would outlast this client."""
    async with scene.http(STRICT) as http:
        job_id = (await http.post("/tools/noop", json=READ)).json()["job_id"]
        answer = await http.get(f"/jobs/{job_id}", params={"wait": wait})

    assert answer.status_code in (httpx.codes.OK, httpx.codes.UNPROCESSABLE_ENTITY), answer.text


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "arguments",
    [
        {"command": "get pods; @PROGRAM@"},
        {"command": "get pods", "namespace": "x --as=admin"},
        {"command": "get pods", "context": "test --token=x"},
        {"command": "get pods --server=http://@ELSEWHERE@ --insecure-skip-tls-verify"},
        {"command": "apply -f @FOLDER@/manifest.yaml"},
        {"command": "get pods", "files": {"../x": ""}},
        {"command": "get pods", "arguments": ["--server=http://@ELSEWHERE@"]},
        {"command": ["get", "pods"]},
        {"command": "get pods | sh"},
    ],
    ids=["shell", "namespace", "context", "server", "file", "file-name", "unknown-argument", "list", "filter"],
)
async def test_model_gets_no_further_than_a_rest_client(scene: Scene, mode: str, arguments: dict[str, object]) -> None:
    await scene.expect()
    sent = json.loads(scene.filled_text(json.dumps(arguments)))
    async with mcp_client(scene.gateways[STRICT], kubeconfig=scene.api_server.kubeconfig(), mode=mode) as client:
        result = await client.call_tool("kubectl", sent)

    assert result.is_error
    await scene.check(Seen(httpx.codes.BAD_REQUEST, text_of(result)), End.REFUSED)


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}], ids=["host", "origin"]
)
@pytest.mark.parametrize("path", ["/mcp", "/tools/kubectl", "/jobs"])
async def test_web_page_reaches_no_command(scene: Scene, path: str, headers: dict[str, str]) -> None:
    await scene.expect()
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "kubectl", "arguments": READ}}
    async with scene.http(STRICT) as http:
        answer = await http.post(path, json=call if path == "/mcp" else {"tool": "kubectl", **READ}, headers=headers)

    await scene.check(Seen(answer.status_code, answer.text), End.REFUSED)
    assert answer.status_code == httpx.codes.FORBIDDEN


async def test_replayed_key_with_another_body_runs_nothing(scene: Scene) -> None:
    key = {"Idempotency-Key": "one-key"}
    async with scene.http(STRICT) as http:
        first = await http.post("/tools/noop", json=READ, headers=key)
        await scene.expect()
        second = await http.post("/tools/kubectl", json={"command": "delete pod web-1"} | _own(scene), headers=key)

    assert first.status_code == httpx.codes.OK
    await scene.check(Seen(second.status_code, second.text), End.REFUSED)


def _own(scene: Scene) -> dict[str, str]:
    return {"kubeconfig": scene.api_server.kubeconfig()}


@needs_proc
@pytest.mark.parametrize("action", ["ignore-term", "grandchild", "hang"])
async def test_command_that_does_not_end_leaves_nothing(scene: Scene, action: str) -> None:
    """It ignores SIGTERM, leaves a grandchild with its standard output, or just goes on."""
    mark = f"left-{action}-{id(scene)}"
    await scene.expect()
    async with scene.http(STRICT) as http:
        body = {"command": f"read {action} {mark}", "kubeconfig": stub.KUBECONFIG, "timeout": 1}
        async with asyncio.timeout(40):
            answer = await http.post("/tools/stub", json=body)
        found = await seen(http, CommandResponse.model_validate_json(answer.text))

    assert found.response is not None
    assert found.response.state in (JobState.TIMED_OUT, JobState.SUCCEEDED)
    assert processes_with(mark) == []
    await scene.check_canaries(found)


@pytest.mark.parametrize(
    "bytes_", ["ff00c328", "1b5d303b63616e61727907", "c0afe28080"], ids=["binary", "escape", "overlong"]
)
async def test_output_is_text_whatever_was_printed(scene: Scene, bytes_: str) -> None:
    async with scene.http(STRICT) as http:
        body = {"command": f"read hex {bytes_}", "kubeconfig": stub.KUBECONFIG}
        answer = await http.post("/tools/stub", json=body)

    printed = answer.json()["output"]
    assert "\x1b" not in printed
    assert "\x07" not in printed
    printed.encode()


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "/proc/1/environ", "@FOLDER@/secret.txt"])
async def test_program_that_nobody_checks_reads_nothing(scene: Scene, path: str) -> None:
    found = await scene.attempt(STRICT, Attack("reads", "read read-file", "stub", stdin=path))

    await scene.check(found, End.FAILED)
    assert PASSWD not in found.text
