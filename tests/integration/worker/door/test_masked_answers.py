"""Answers about Secrets are masked by the door before a command has them; other answers pass as they are."""

import asyncio
import base64
import gzip
import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from shared.effects import UNLIMITED, EffectRule, Effects, Limit
from tests.support import door as doors
from tests.support import door_process, faulty_server
from tests.support.asking import HIDDEN, LIVE, MARK, MASKED, asking
from tests.support.door import Client
from tests.support.faulty_server import FaultyServer, answers
from tests.support.leaks import leaks
from tests.support.secret_cases import CONFIG_MAPS, PLANTED, SECRETS, Case, Cases, encoded
from worker.door.client.client import Door
from worker.door.masking import budget, marks

pytestmark = pytest.mark.asyncio(loop_scope="module")

OBJECTS = {"test": 2_000, "fuzz": 100_000}
"""Objects in all answers together, by hypothesis' profile."""
OF_ONE_VISIT = 2_000
MOST_GROWTH_BYTES = 24 * 1024 * 1024
HELM_NAME = "sh.helm.release.v1.web.v1"


def opened(content: bytes) -> Iterator[bytes]:
    """The content, and that of each release of helm in it."""
    yield content
    for packed in re.findall(rb"SDRzS[\w+/]+=*|H4sI[\w+/]+=*", content):
        inner = base64.b64decode(packed) if packed.startswith(b"SDRzS") else packed
        yield gzip.decompress(base64.b64decode(inner))


def values_of(root: Any) -> Iterator[str]:
    """Each value under `data` of what may be a Secret."""
    if isinstance(root, dict):
        data = root.get("data")
        yield from (value for value in data.values() if isinstance(value, str)) if isinstance(data, dict) else ()
        for child in root.values():
            yield from values_of(child)
    elif isinstance(root, list):
        for child in root:
            yield from values_of(child)


def assert_hidden(case: Case, body: bytes) -> None:
    for content in opened(body):
        assert leaks(content, PLANTED) == [], case
    for root in roots_of(body.decode()):
        for value in values_of(root) if "secrets" in case.path else ():
            base64.b64decode(value, validate=True)


def roots_of(text: str) -> Iterator[Any]:
    """Each object of a sequence, as a watch has it."""
    at = 0
    while at < len(text):
        root, at = json.JSONDecoder().raw_decode(text, at)
        yield root
        at += len(text[at:]) - len(text[at:].lstrip())


async def test_no_planted_value_is_in_any_answer_and_no_masked_answer_can_be_written(door: Door) -> None:
    seed = random.getrandbits(32)
    cases, seen, refused = Cases(seed), 0, 0
    for _ in range(OBJECTS[settings.get_current_profile_name()] // OF_ONE_VISIT):
        async with asking(door, answers.responds()) as (server, client):
            counts = await ask_and_write(server, client, cases, seed)
        seen, refused = seen + counts[0], refused + counts[1]
    assert refused > seen / 500


async def ask_and_write(server: FaultyServer, client: Client, cases: Cases, seed: int) -> tuple[int, int]:
    """Returns how many objects the answers had, and how many masked ones were refused when they were written."""
    seen, refused = 0, 0
    while seen < OF_ONE_VISIT:
        case = cases.case()
        server.answer = answers.responds(case.body, status=case.status)
        answered = await client.get(case.path, Accept=case.accept)
        assert (answered.status, answered.is_whole) == (case.status, True), (seed, case)
        assert_hidden(case, answered.body)
        seen += case.objects + 1
        if case.path == f"{SECRETS}/web" and any(map(marks.are_in, opened(answered.body))):
            written = await client.ask("PUT", f"{SECRETS}/web", body=answered.body)
            assert (written.status, json.loads(written.body)["reason"]) == (403, "Forbidden"), (seed, case)
            refused += 1
        server.requests.clear()
    return seen, refused


async def test_list_is_split_wherever_its_pieces_end(door: Door) -> None:
    cases = (case for case in iter(Cases(7).case, None) if case.objects > 2)
    for size in (1, 7, 64):
        case = next(cases)
        body = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        body += b"Content-Length: %d\r\n\r\n%s" % (len(case.body), case.body)
        async with asking(door, answers.drips(body, size=size)) as (_, client):
            answered = await client.get(case.path, Accept=case.accept)
        assert_hidden(case, answered.body)


async def test_shown_values_and_other_resources_pass_byte_by_byte(door: Door) -> None:
    body = b' {"kind": "Secret",  "data": {"a": "aHVudGVyMg=="}} '
    for effects, path in ((UNLIMITED, SECRETS), (MASKED, "/api/v1/pods"), (MASKED, "/apis/x.io/v1/secrets")):
        async with asking(door, answers.responds(body), effects=effects) as (server, client):
            answered = await client.get(path, Accept="application/vnd.kubernetes.protobuf", Accept_Encoding="gzip")
            assert (answered.body, answered.headers["content-length"]) == (body, str(len(body)))
            assert server.requests[0].header("accept") == "application/vnd.kubernetes.protobuf"
            assert server.requests[0].header("accept-encoding") == "gzip"


async def test_server_is_asked_for_json_that_is_not_compressed(door: Door) -> None:
    accept = "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io, application/json;q=0.5, */*"
    async with asking(door, answers.responds(HIDDEN)) as (server, client):
        await client.get(SECRETS, Accept=accept, Accept_Encoding="gzip")
    asked = server.requests[0]
    assert asked.header("accept") == (
        "application/json;as=Table;v=v1;g=meta.k8s.io, application/json;q=0.5, application/json"
    )
    assert asked.header("accept-encoding") is None


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (gzip.compress(HIDDEN), {"Content-Encoding": "gzip"}),
        (b"kind: Secret", {"Content-Type": "application/yaml"}),
        (b'{"kind": "Secret", "data": {', {}),
        (b'[{"kind": "Secret"}]', {}),
        (b"planted-1", {}),
        (b"{" * 9, {}),
        (b'{"kind":"Secret"}}', {}),
    ],
)
async def test_answer_that_cannot_be_masked_is_withheld(door: Door, body: bytes, headers: dict[str, str]) -> None:
    async with asking(door, answers.responds(body, headers=headers)) as (_, client):
        answered = await client.get(f"{SECRETS}/web")
    assert "withheld" in json.loads(answered.body)["message"] if answered.is_whole else not answered.body
    assert leaks(answered.body, PLANTED) == []


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "Unauthorized"),
        (404, "NotFound"),
        (429, "TooManyRequests"),
        (503, "ServiceUnavailable"),
        (520, "InternalError"),
    ],
)
async def test_error_in_words_keeps_its_status_and_its_advice(door: Door, status: int, reason: str) -> None:
    """API servers answer so in their filters, and load balancers do."""
    headers = {"Content-Type": "text/plain; charset=utf-8", "Retry-After": "1"}
    async with asking(door, answers.responds(b"planted-1", status=status, headers=headers)) as (_, client):
        answered = await client.get(SECRETS)
    told = json.loads(answered.body)
    assert (answered.status, answered.headers["retry-after"]) == (status, "1")
    assert (told["kind"], told["code"], told["reason"]) == ("Status", status, reason)
    assert leaks(answered.body, PLANTED) == []


@pytest.mark.parametrize("status", [200, 503])
async def test_answer_with_an_empty_body_passes(door: Door, status: int) -> None:
    nothing = answers.responds(b"", status=status, headers={"Content-Type": "text/plain"})
    async with asking(door, nothing) as (_, client):
        answered = await client.get(f"{SECRETS}/web")
    assert (answered.status, answered.body) == (status, b"")


async def test_too_large_object_is_withheld(door: Door) -> None:
    body = json.dumps({"kind": "Secret", "data": {"a": "A" * 9 * 1024 * 1024}}).encode()
    async with asking(door, answers.responds(body)) as (_, client):
        answered = await client.get(f"{SECRETS}/web")
    assert answered.status == 502
    assert "more than" in json.loads(answered.body)["message"]


async def test_event_of_a_masked_watch_arrives_before_the_next_one_is_sent(door: Door) -> None:
    released = asyncio.Semaphore(0)
    event = json.dumps({"type": "ADDED", "object": LIVE}).encode() + b"\n"
    async with asking(door, answers.streams([event, event], released=released)) as (_, client):
        client.writer.write(client.request("GET", f"{SECRETS}?watch=true"))
        _, headers = await client.head()
        pieces = client.pieces(headers)
        for _ in range(2):
            released.release()
            async with asyncio.timeout(doors.LIMIT_S):
                seen = await anext(pieces)
            assert json.loads(seen)["object"]["data"] == {"password": MARK}
        released.release()


async def test_server_waits_while_a_command_does_not_read_a_masked_list(door: Door) -> None:
    large = json.dumps(LIVE | {"metadata": {"name": "web", "labels": {"a": "b" * 1_000_000}}}).encode()

    async def answer(connection: faulty_server.Connection, _: faulty_server.Request) -> None:
        await connection.send(answers.CHUNKED_HEAD + answers.chunk(b'{"items":['))
        while True:
            await connection.send(answers.chunk(large + b","))

    async with asking(door, answer) as (server, client):
        before = door_process.memory(door)
        client.writer.write(client.request("GET", SECRETS))
        await doors.wait_until(lambda: door_process.has_stopped(door, server))
        assert door_process.memory(door) - before < MOST_GROWTH_BYTES


@pytest.mark.parametrize(
    "secret",
    [
        {"data": {"a": encoded(base64.b64encode(gzip.compress(f'{{"a": "{PLANTED}1"}}'.encode())).decode())}},
        {"metadata": {"annotations": {"kapp.k14s.io/original": json.dumps({"data": {"a": encoded(f"{PLANTED}1")}})}}},
        {"metadata": {"annotations": {"x.io/saved": json.dumps({"stringData": {"a": f"{PLANTED}1"}})}}},
        {
            "metadata": {
                "annotations": {
                    "objectset.rio.cattle.io/applied": base64.b64encode(gzip.compress(f"{PLANTED}1".encode())).decode()
                }
            }
        },
    ],
    ids=["packed by nobody that is known", "kapp", "any tool", "packed"],
)
async def test_value_in_an_unusual_place_is_masked(door: Door, secret: dict[str, Any]) -> None:
    body = json.dumps({"kind": "Secret", **secret}).encode()
    async with asking(door, answers.responds(body)) as (_, client):
        answered = (await client.get(f"{SECRETS}/web")).body
    assert b"H4sI" not in answered
    assert b"SDRzS" not in answered
    assert leaks(answered, PLANTED) == []


@pytest.mark.parametrize(("namespaces", "is_shown"), [(("shop",), True), (("other",), False), ((), True)])
async def test_rule_of_the_operator_shows_values_in_its_namespaces(
    door: Door, namespaces: tuple[str, ...], is_shown: bool
) -> None:
    rule = EffectRule(
        name="show", is_allowed=True, kinds=("secrets",), namespaces=namespaces, shows_secrets=True, why="asked for"
    )
    effects = Effects(limit=Limit.STRICT, rules=(rule,))
    listed = json.dumps({"kind": "SecretList", "items": [LIVE, LIVE | {"metadata": {"namespace": "third"}}]}).encode()
    async with asking(door, answers.responds(HIDDEN), effects=effects) as (server, client):
        one = json.loads((await client.get(f"{SECRETS}/web")).body)
        server.answer = answers.responds(listed)
        both = json.loads((await client.get("/api/v1/secrets")).body)["items"]
    assert (one["data"] == LIVE["data"]) is is_shown
    assert (both[0]["data"] == LIVE["data"]) is is_shown
    assert (both[1]["data"] == LIVE["data"]) is (not namespaces)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SECRETS, json.dumps({"data": {"a": MARK}})),
        (SECRETS, json.dumps({"stringData": {"a": "[masked, 9 bytes]"}})),
        (CONFIG_MAPS, json.dumps({"data": {"a": "password: [masked, 9 bytes]"}})),
        ("/apis/apps/v1/namespaces/shop/deployments", json.dumps({"env": [{"value": "[masked, 12 bytes]"}]})),
    ],
)
@pytest.mark.parametrize("effects", [MASKED, UNLIMITED], ids=["masked", "unlimited"])
async def test_mask_is_written_nowhere(door: Door, path: str, body: str, effects: Effects) -> None:
    async with asking(door, answers.responds(), effects=effects) as (server, client):
        refused = await client.ask("POST", path, body=body.encode())
        assert not server.requests
    assert refused.status == 403
    assert "masks of Secrets must not be written back" in json.loads(refused.body)["message"]


async def test_release_with_a_mask_inside_is_not_written(door: Door) -> None:
    release = gzip.compress(json.dumps({"config": {"password": "[masked, 9 bytes]"}}).encode())
    once = base64.b64encode(release).decode()
    for path, value in ((SECRETS, encoded(once)), (CONFIG_MAPS, once)):
        async with asking(door, answers.responds(), effects=UNLIMITED) as (server, client):
            body = json.dumps({"metadata": {"name": HELM_NAME}, "data": {"release": value}}).encode()
            refused = await client.ask("POST", path, body=body)
            assert not server.requests
        assert refused.status == 403


@pytest.mark.parametrize(("count", "size"), [(budget.MOST_OPENED + 1, 9), (1, budget.MOST_UNPACKED_BYTES + 1)])
async def test_releases_that_would_be_searched_for_long_are_not_written(door: Door, count: int, size: int) -> None:
    value = base64.b64encode(gzip.compress(b"\0" * size)).decode()
    body = json.dumps({"metadata": {"name": HELM_NAME}, "data": {str(n): value for n in range(count)}}).encode()
    async with asking(door, answers.responds()) as (server, client):
        refused = await client.ask("POST", CONFIG_MAPS, body=body)
        assert not server.requests
    assert (refused.status, "unpacked" in json.loads(refused.body)["message"]) == (403, True)


async def test_packed_values_that_are_no_releases_are_written(door: Door) -> None:
    value = base64.b64encode(gzip.compress(b"\0" * 1024 * 1024)).decode()
    body = json.dumps({"metadata": {"name": "web"}, "data": {str(n): value for n in range(20)}}).encode()
    async with asking(door, answers.responds()) as (server, client):
        written = await client.ask("POST", CONFIG_MAPS, body=body)
        assert (written.status, server.requests[0].body) == (200, body)


@pytest.mark.parametrize("operation", ["copy", "move", "test", "Copy"])
async def test_json_patch_that_would_show_a_value_is_refused(door: Door, operation: str) -> None:
    patch = json.dumps([{"op": operation, "from": "/data/a", "path": "/metadata/labels/a", "value": "x"}]).encode()
    headers = {"Content-Type": "application/json-patch+json", "Content-Length": str(len(patch))}
    async with asking(door, answers.responds(HIDDEN)) as (server, client):
        refused = await client.ask("PATCH", f"{SECRETS}/web", body=patch, headers=headers)
        assert not server.requests
    assert (refused.status, "copies, moves or tests" in json.loads(refused.body)["message"]) == (403, True)


async def test_change_of_a_secret_is_answered_masked(door: Door) -> None:
    patch = b'{"metadata": {"labels": {"a": "c"}}}'
    headers = {"Content-Type": "application/merge-patch+json", "Content-Length": str(len(patch))}
    async with asking(door, answers.responds(HIDDEN)) as (_, client):
        answered = await client.ask("PATCH", f"{SECRETS}/web", body=patch, headers=headers)
    assert json.loads(answered.body)["data"] == {"password": MARK}
