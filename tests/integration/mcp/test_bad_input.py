"""Input that no client should send: each answered as its revision says, without repeating what was sent."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shared.tools import registry
from tests.integration.mcp import wire
from tests.integration.mcp.conftest import Clients

TIMEOUT_S = 30.0
CANARY = "canary-secret"
EARLIER = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
REVISIONS = [*EARLIER, wire.MODERN]
HEADER_LIMIT_BYTES = 128 * 1024
LIST = "tools/list"
NO_IDS: list[Any] = [None, {"canary": CANARY}, [], 1.5, True]


@pytest.fixture
async def client(served: Clients) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.patient.url, timeout=TIMEOUT_S) as caller:
        yield caller


def sent(revision: str, method: str = LIST, name: str | None = None) -> dict[str, str]:
    """The headers of a proper request."""
    mirrored = {"Mcp_Method": method, **({"Mcp_Name": name} if name else {})}
    return wire.headers(revision, **(mirrored if revision == wire.MODERN else {}))


def asked(revision: str, method: str = LIST, params: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A request that is proper but for the changes."""
    meta = {"_meta": wire.meta()} if revision == wire.MODERN else {}
    return wire.request(method, {**meta, **(params or {})}) | changes


@pytest.mark.parametrize("body", [b"", b"{nope", b'{"jsonrpc": "2.0", "method": "\xff"}', b"[" * 100_000])
@pytest.mark.parametrize("revision", REVISIONS)
async def test_what_is_no_json_is_a_parse_error(client: httpx.AsyncClient, revision: str, body: bytes) -> None:
    answer = await wire.post(client, body, sent(revision))

    assert (answer.status, answer.code, answer.body["id"]) == (400, -32700, None)


@pytest.mark.parametrize(
    "body",
    [
        CANARY,
        7,
        None,
        [],
        [wire.request(LIST, {"canary": CANARY})],
        {"id": 1, "method": LIST, "params": {"canary": CANARY}},
        {"jsonrpc": "1.0", "id": 1, "method": LIST, "params": {"canary": CANARY}},
        {"jsonrpc": "2.0", "id": 1, "params": {"canary": CANARY}},
        {"jsonrpc": "2.0", "id": 1, "method": [CANARY]},
        {"jsonrpc": "2.0", "id": 1, "method": LIST, "params": [CANARY]},
        {"jsonrpc": "2.0", "id": 1, "result": {"canary": CANARY}},
        {"jsonrpc": "2.0", "id": 1, "error": {"canary": CANARY}},
        *({"jsonrpc": "2.0", "id": no_id, "method": LIST} for no_id in NO_IDS),
    ],
    ids=str,
)
@pytest.mark.parametrize("revision", ["2025-03-26", "2025-11-25", wire.MODERN])
async def test_what_is_no_request_is_an_invalid_request(client: httpx.AsyncClient, revision: str, body: Any) -> None:
    """Batches too, which no revision since 2025-06-18 has, and the SDK takes in none."""
    answer = await wire.post(client, body, sent(revision))

    assert (answer.status, answer.code) == (400, -32600)
    assert CANARY not in str(answer.body)


@pytest.mark.parametrize("revision", REVISIONS)
async def test_error_carries_the_id_of_its_request(client: httpx.AsyncClient, revision: str) -> None:
    answer = await wire.post(client, asked(revision, id="mine") | {"params": []}, sent(revision))

    assert answer.body["id"] == "mine"


@pytest.mark.parametrize("revision", REVISIONS)
async def test_unknown_method_is_not_found(client: httpx.AsyncClient, revision: str) -> None:
    answer = await wire.post(client, asked(revision, "tools/nope"), sent(revision, "tools/nope"))

    assert answer.code == -32601
    assert answer.status == (404 if revision == wire.MODERN else 200)


@pytest.mark.parametrize("revision", REVISIONS)
async def test_unknown_tool_is_an_error_that_names_those_there_are(client: httpx.AsyncClient, revision: str) -> None:
    params = {"name": "nope", "arguments": {"canary": CANARY}}
    answer = await wire.post(client, asked(revision, "tools/call", params), sent(revision, "tools/call", "nope"))

    assert answer.code == -32602
    assert ", ".join(registry.NAMES) in answer.error["message"]
    assert CANARY not in str(answer.body)


@pytest.mark.parametrize(
    "params",
    [{"arguments": {}}, {"name": [CANARY]}, {"name": "kubectl", "arguments": [CANARY]}],
    ids=["no name", "name is not text", "arguments are not an object"],
)
@pytest.mark.parametrize("revision", REVISIONS)
async def test_call_of_another_shape_is_an_invalid_parameter(
    client: httpx.AsyncClient, revision: str, params: dict[str, Any]
) -> None:
    answer = await wire.post(client, asked(revision, "tools/call", params), sent(revision, "tools/call", "kubectl"))

    assert answer.code in ((-32602, -32020) if revision == wire.MODERN else (-32602,))
    assert CANARY not in str(answer.body)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"command": "get pods", "canary": CANARY}, "canary"),
        ({"command": ["get"]}, "command"),
        ({"command": "get pods", "timeout": "soon"}, "timeout"),
        ({}, "command"),
    ],
    ids=["unknown argument", "wrong type", "no number", "missing"],
)
@pytest.mark.parametrize("revision", REVISIONS)
async def test_wrong_argument_is_a_result_that_names_it(
    client: httpx.AsyncClient, *, revision: str, arguments: dict[str, Any], says: str
) -> None:
    params = {"name": "kubectl", "arguments": arguments}
    answer = await wire.post(client, asked(revision, "tools/call", params), sent(revision, "tools/call", "kubectl"))

    assert answer.result["isError"]
    assert says in answer.result["content"][0]["text"]
    assert CANARY not in str(answer.body)


@pytest.mark.parametrize("kubeconfig", ["%%%", "bm90aGluZw==", f"exec: {CANARY}", "x" * 100_000])
@pytest.mark.parametrize("revision", REVISIONS)
async def test_bad_kubeconfig_in_the_header_is_a_result_that_says_so(
    client: httpx.AsyncClient, revision: str, kubeconfig: str
) -> None:
    params = {"name": "kubectl", "arguments": {"command": "get pods"}}
    headers = {**sent(revision, "tools/call", "kubectl"), "X-Kubeconfig": kubeconfig}
    answer = await wire.post(client, asked(revision, "tools/call", params), headers)

    assert answer.result["isError"]
    assert "urn:mcp-k8s:problem:kubeconfig-" in answer.result["content"][0]["text"]
    assert CANARY not in str(answer.body)


@pytest.mark.parametrize("revision", REVISIONS)
async def test_headers_over_the_limit_are_refused_with_the_field_to_use(
    client: httpx.AsyncClient, revision: str
) -> None:
    headers = {**sent(revision), "X-Kubeconfig": "x" * HEADER_LIMIT_BYTES}
    answer = await wire.post(client, asked(revision), headers)

    assert answer.status == 431
    assert "`kubeconfig`" in answer.body["detail"]


@pytest.mark.parametrize(
    ("header", "value"),
    [("Host", "evil.example"), ("Origin", "https://evil.example"), ("Origin", "null")],
)
@pytest.mark.parametrize("revision", REVISIONS)
async def test_foreign_host_or_origin_is_forbidden(
    client: httpx.AsyncClient, *, revision: str, header: str, value: str
) -> None:
    answer = await wire.post(client, asked(revision), {**sent(revision), header: value})

    assert answer.status == 403


async def test_unsupported_revision_is_told_which_there_are(client: httpx.AsyncClient) -> None:
    headers = wire.headers("2099-01-01", Mcp_Method=LIST)
    answer = await wire.post(client, wire.request(LIST, {"_meta": wire.meta(revision="2099-01-01")}), headers)

    assert (answer.status, answer.code) == (400, -32022)
    assert answer.error["data"] == {"supported": [wire.MODERN], "requested": "2099-01-01"}


async def test_initialize_with_an_unknown_revision_is_answered_with_a_known_one(client: httpx.AsyncClient) -> None:
    params = {"protocolVersion": "2099-01-01", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    headers = {"Accept": "application/json, text/event-stream"}
    answer = await wire.post(client, wire.request("initialize", params), headers)

    assert answer.result["protocolVersion"] == EARLIER[-1]


@pytest.mark.parametrize(
    ("headers", "meta", "code"),
    [
        (wire.headers(wire.MODERN), wire.meta(), -32020),
        (wire.headers(wire.MODERN, Mcp_Method="tools/call"), wire.meta(), -32020),
        (wire.headers(wire.MODERN, Mcp_Method=LIST), wire.meta(revision="2025-11-25"), -32020),
        (wire.headers(wire.MODERN, Mcp_Method=LIST), {}, -32602),
        (wire.headers(wire.MODERN, Mcp_Method=LIST), "none", -32602),
    ],
    ids=["no method", "another method", "another revision", "no meta", "meta is not an object"],
)
async def test_request_and_headers_must_agree(
    client: httpx.AsyncClient, headers: dict[str, str], meta: Any, code: int
) -> None:
    answer = await wire.post(client, wire.request(LIST, {"_meta": meta}), headers)

    assert (answer.status, answer.code) == (400, code)


@pytest.mark.parametrize("name", [None, "helm"], ids=["missing", "another"])
async def test_header_must_name_the_tool(client: httpx.AsyncClient, name: str | None) -> None:
    params = {"name": "kubectl", "arguments": {"command": "version --client"}}
    answer = await wire.post(client, asked(wire.MODERN, "tools/call", params), sent(wire.MODERN, "tools/call", name))

    assert (answer.status, answer.code) == (400, -32020)


@pytest.mark.parametrize("revision", REVISIONS)
async def test_id_that_is_used_twice_at_once_is_answered_twice(client: httpx.AsyncClient, revision: str) -> None:
    """Requests know nothing of each other: a gateway keeps no session."""
    bodies = [
        asked(revision, "tools/call", {"name": "stub", "arguments": {"command": f"read say {word}"}})
        for word in ("one", "two")
    ]
    answers = await asyncio.gather(*(wire.post(client, each, sent(revision, "tools/call", "stub")) for each in bodies))

    said = [answer.result["content"][0]["text"] for answer in answers]
    assert ["one" in said[0], "two" in said[1]] == [True, True]


@pytest.mark.parametrize("revision", REVISIONS)
async def test_notification_is_taken_and_not_answered(client: httpx.AsyncClient, revision: str) -> None:
    body = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    answer = await wire.post(client, body, wire.headers(revision))

    assert (answer.status, answer.body) == (202, {})


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_there_is_no_stream_and_no_session_to_ask_for(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/mcp", headers=wire.headers("2025-11-25"))

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


async def test_lists_say_how_long_they_hold_and_never_change_their_order(client: httpx.AsyncClient) -> None:
    lists = [(await wire.ask_modern(client, LIST)).result for _ in range(2)]

    assert lists[0] == lists[1]
    assert (lists[0]["ttlMs"], lists[0]["cacheScope"]) == (300_000, "public")
