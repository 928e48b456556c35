"""Bad input: each row is refused with a reason, queues nothing, and repeats nothing of the kubeconfig."""

import base64
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from shared.tools import registry
from tests.integration.gateway import served
from tests.integration.gateway.served import Served
from tests.support import kubeconfigs
from tests.support.hand_worker import HandWorker

OVER_LONG = "get pods " + "x" * 32_768


@dataclass(frozen=True)
class Row:
    """A request that must be refused."""

    body: dict[str, Any]
    status: int
    code: str
    says: str = ""
    """What the problem must mention."""
    tool: str = "kubectl"
    headers: dict[str, str] = field(default_factory=served.kubeconfig_header)


def command(text: str, code: str, *, status: int = 400, says: str = "") -> Any:
    return pytest.param(Row({"command": text}, status, code, says), id=ascii(text[:40]))


def header(value: str, code: str, *, says: str = "", **body: Any) -> Row:
    return Row({"command": "get pods", **body}, 400, code, says, headers={"X-Kubeconfig": value})


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


COMMANDS = [
    command("", "command-empty"),
    command(" \t ", "command-empty"),
    command("kubectl", "command-empty"),
    command("get pods -l 'app", "command-quotes", says="not closed"),
    command('get pods -l "app', "command-quotes", says="not closed"),
    command("get pods \\", "command-quotes", says="backslash"),
    command("get pods; id", "command-shell-syntax", says="one call"),
    command("get pods && id", "command-shell-syntax", says="one call"),
    command("get pods\nid", "command-shell-syntax", says="one call"),
    command("get pods | sh", "command-pipeline", says="jq, yq, grep"),
    command("get pods || sh", "command-shell-syntax", says="one call"),
    command("get pods | sort -o /x", "flag-refused", says="leave it out"),
    command("get pods $(id)", "command-shell-syntax", says="single quotes"),
    command("get pods `id`", "command-shell-syntax", says="single quotes"),
    command("get pods $HOME", "command-shell-syntax", says="single quotes"),
    command("get pods > /tmp/x", "command-shell-syntax", says="redirection"),
    command("apply -f - < /etc/passwd", "command-shell-syntax", says="stdin"),
    command("get pods\x00", "command-characters", says="U+0000"),
    command("get pods \x1b[2J", "command-characters", says="U+001B"),
    command(OVER_LONG, "request-invalid", status=422),
    command("--kubeconfig=/root/.kube/config get secrets", "flag-refused", says="X-Kubeconfig"),
    command("get pods --server https://evil.example", "flag-refused", says="context"),
    command("get pods --token canary-token", "flag-refused"),
    command("get pods -s https://evil.example", "flag-refused"),
    command("edit cm/x", "command-refused", says="patch"),
    command("port-forward svc/web 80", "command-refused"),
    command("get pods -n a --namespace b", "namespace-conflict", says="namespace"),
    command(f"get pods -{'A' * 1_000}", "flag-ambiguous", says="as a word of its own"),
    command(f"get pods | grep -{'i' * 32_000} x", "flag-ambiguous", says="as a word of its own"),
    command(f"'{'a ' * 16_000}' get", "verb-unknown", says="--help"),
]

KUBECONFIGS = [
    pytest.param(header("%%%", "kubeconfig-encoding", says="base64"), id="broken base64"),
    pytest.param(header(encoded("hello world"), "kubeconfig-encoding"), id="base64 of something else"),
    pytest.param(header(encoded("{}"), "kubeconfig-invalid", says="no cluster"), id="empty mapping"),
    pytest.param(header(encoded(kubeconfigs.encoded()), "kubeconfig-encoding", says="once"), id="base64 twice"),
    pytest.param(header(encoded("[canary-token]"), "kubeconfig-invalid"), id="list"),
    pytest.param(header(encoded("kind: Pod\nname: canary-token"), "kubeconfig-invalid"), id="another kind"),
    pytest.param(header(encoded("a: [canary-token"), "kubeconfig-invalid"), id="broken YAML"),
    pytest.param(header(encoded("a: !!python/object:canary-token {}"), "kubeconfig-invalid"), id="tags"),
    pytest.param(header(encoded("a: &a canary-token\nb: *a"), "kubeconfig-invalid"), id="aliases"),
    pytest.param(header(encoded("a: canary-token\n---\nb: 1"), "kubeconfig-invalid"), id="two documents"),
    pytest.param(header(kubeconfigs.encoded(clusters=[]), "kubeconfig-invalid", says="no cluster"), id="no cluster"),
    pytest.param(
        header(kubeconfigs.encoded(users=[]), "kubeconfig-invalid", says="users"), id="user that is not there"
    ),
    pytest.param(
        header(kubeconfigs.encoded(), "context-unknown", says="here, there", context="nowhere"), id="unknown context"
    ),
    pytest.param(
        header(kubeconfigs.encoded(**{"current-context": "canary-token"}), "context-unknown", says="here, there"),
        id="current context that is not there",
    ),
    pytest.param(
        header(
            kubeconfigs.encoded(user={"token": "canary-token\ud800"}), "kubeconfig-invalid", says="users[0].user.token"
        ),
        id="lone surrogate in a token",
    ),
    pytest.param(
        header(kubeconfigs.encoded(user={"token": "canary-token\n"}), "kubeconfig-invalid", says="users[0].user.token"),
        id="line break in a token",
    ),
]


def refused_field(says: str, **changes: Any) -> Any:
    return pytest.param(header(kubeconfigs.encoded(**changes), "kubeconfig-field-refused", says=says), id=says)


FIELDS = [
    refused_field("users[0].user.exec", user={"exec": {"command": "canary-user"}}),
    refused_field("users[0].user.auth-provider", user={"auth-provider": {"config": {"cmd-path": "canary-user"}}}),
    refused_field("users[0].user.tokenFile", user={"tokenFile": "/canary-token"}),
    refused_field("users[0].user.client-certificate", user={"client-certificate": "/canary-user"}),
    refused_field("users[0].user.client-key", user={"client-key": "/canary-user"}),
    refused_field("users[0].user.as", user={"as": "canary-user"}),
    refused_field("clusters[0].cluster.certificate-authority", cluster={"certificate-authority": "/canary-authority"}),
    refused_field("clusters[0].cluster.proxy-url", cluster={"proxy-url": "socks5://canary-host"}),
    refused_field("clusters[0].cluster.server", cluster={"server": "http://169.254.169.254/canary-host"}),
]

REQUESTS = [
    pytest.param(
        Row({"command": "get pods"}, 404, "tool-unknown", ", ".join(registry.NAMES), tool="nope"), id="unknown tool"
    ),
    pytest.param(Row({}, 422, "request-invalid"), id="no command"),
    pytest.param(Row({"command": ["get", "pods"]}, 422, "request-invalid"), id="command that is a list"),
    pytest.param(Row({"command": "get pods", "canary": "canary-token"}, 422, "request-invalid"), id="unknown field"),
    pytest.param(
        Row({"command": "get pods", "kubeconfig": {"users": ["canary-token"]}}, 422, "request-invalid"),
        id="kubeconfig that is a mapping",
    ),
    pytest.param(Row({"command": "get pods", "timeout": 0}, 422, "request-invalid"), id="no time"),
    pytest.param(Row({"command": "get pods", "timeout": -1}, 422, "request-invalid"), id="negative time"),
    pytest.param(Row({"command": "get pods", "namespace": "A B"}, 422, "request-invalid"), id="namespace that is none"),
    pytest.param(Row({"command": "get pods", "namespace": "--as=x"}, 422, "request-invalid"), id="namespace as a flag"),
    pytest.param(Row({"command": "get pods", "files": {"../x": ""}}, 400, "files-invalid"), id="file elsewhere"),
    pytest.param(
        Row({"command": "get pods -n a", "namespace": "b"}, 400, "namespace-conflict", "namespace"),
        id="two namespaces",
    ),
    pytest.param(
        Row({"command": "get pods --context here", "context": "there"}, 400, "context-conflict", "context"),
        id="two contexts",
    ),
    pytest.param(
        Row({"command": "get pods"}, 400, "kubeconfig-required", "X-Kubeconfig", headers={}), id="no kubeconfig"
    ),
]


async def send(client: httpx.AsyncClient, row: Row, way: str) -> httpx.Response:
    if way == "jobs":
        return await client.post("/jobs", json={"tool": row.tool, **row.body}, headers=row.headers)
    headers = {**row.headers, **(served.ASYNC if way == "async" else {})}
    return await client.post(f"/tools/{row.tool}", json=row.body, headers=headers)


@pytest.mark.parametrize("way", ["sync", "async", "jobs"])
@pytest.mark.parametrize("row", [*COMMANDS, *KUBECONFIGS, *FIELDS, *REQUESTS])
async def test_bad_request_is_refused_with_its_reason_and_queues_nothing(
    client: httpx.AsyncClient, gateway: Served, redis: Redis, worker: HandWorker, row: Row, way: str
) -> None:
    await worker.announce()
    answer = await send(client, row, way)
    assert (answer.status_code, served.code(answer)) == (row.status, row.code), answer.text
    assert row.says in answer.json()["detail"]
    assert await served.is_untouched(redis)
    assert not kubeconfigs.leaks(answer.text + str(answer.headers))
    assert not kubeconfigs.leaks(gateway.process.output())


@pytest.mark.parametrize("kubeconfig", [*KUBECONFIGS, *FIELDS])
async def test_kubeconfig_in_the_body_is_judged_in_the_same_way(
    client: httpx.AsyncClient, gateway: Served, redis: Redis, kubeconfig: Row
) -> None:
    body = {**kubeconfig.body, "kubeconfig": kubeconfig.headers["X-Kubeconfig"]}
    answer = await client.post("/tools/kubectl", json=body)
    assert (answer.status_code, served.code(answer)) == (400, kubeconfig.code)
    assert await served.is_untouched(redis)
    assert not kubeconfigs.leaks(answer.text + gateway.process.output())


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="half of an object"),
        pytest.param(b'{"command": "get pods", "timeout": NaN}', id="NaN"),
        pytest.param(b'{"command": "get pods", "timeout": 1e999}', id="infinite"),
        pytest.param(b'{"command": "get pods \\ud800"}', id="lone surrogate"),
        pytest.param(b'["canary-token"]', id="list"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"command": "' + b"[" * 100_000 + b'"', id="broken at its end"),
    ],
)
@pytest.mark.parametrize("path", ["/tools/kubectl", "/jobs"])
async def test_body_that_is_no_request_is_a_schema_error(
    client: httpx.AsyncClient, redis: Redis, path: str, body: bytes
) -> None:
    answer = await client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, served.code(answer)) == (422, "request-invalid")
    assert not kubeconfigs.leaks(answer.text)
    assert await served.is_untouched(redis)


@pytest.mark.parametrize(
    ("body", "content_type", "told"),
    [
        (b'{"command": "get pods"}', "application/x-www-form-urlencoded", "Content-Type: application/json"),
        (b'{"command": ', "application/json", "not valid JSON"),
        (b"{}", "application/json", "see `errors`"),
    ],
)
async def test_body_that_is_not_read_says_why(
    client: httpx.AsyncClient, body: bytes, content_type: str, told: str
) -> None:
    answer = await client.post("/tools/kubectl", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 422
    assert told in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"command": "\xff"}', id="not UTF-8"),
        pytest.param(b"[" * 100_000, id="nested deeper than a parser goes"),
    ],
)
async def test_body_that_no_parser_takes_is_refused(client: httpx.AsyncClient, redis: Redis, body: bytes) -> None:
    answer = await client.post("/jobs", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, served.code(answer)) == (400, "request-invalid")
    assert await served.is_untouched(redis)
