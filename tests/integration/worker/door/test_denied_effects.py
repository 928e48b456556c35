"""Requests that a command may not send: answered by the door, told to the worker, and never forwarded."""

import json

import pytest

from shared.changes import ChangeState
from shared.effects import UNLIMITED, EffectRule, Effects, Impersonation, Limit
from tests.support import door as doors
from tests.support import faulty_server
from tests.support.door import Notes
from tests.support.faulty_server import answers
from worker.door.client.client import Door

pytestmark = pytest.mark.asyncio(loop_scope="module")

NO_PODS = EffectRule(name="no-pods", is_allowed=False, kinds=("pods",), why="they are private", instead="services")
PODS = "/api/v1/namespaces/shop/pods"
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
TUNNEL = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "a", "Sec-WebSocket-Version": "13"}
JANE = Impersonation(user="jäne", groups=("dev", "ops"), uid="7", extra=(("Team/a", "x"),), in_reviews_only=False)


async def test_refused_change_is_answered_noted_and_not_forwarded(door: Door) -> None:
    notes = Notes()
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url, notary=notes, effects=Effects(limit=Limit.READ_ONLY)) as visit,
        doors.connected(door, visit) as client,
    ):
        answered = await client.ask("DELETE", f"{PODS}/web")
        await doors.wait_until(lambda: notes.completed)
        assert not server.requests
    said = json.loads(answered.body)
    assert (answered.status, said["kind"], said["reason"]) == (403, "Status", "Forbidden")
    assert "retry-after" not in answered.headers
    assert said["message"] == visit.refusals.change
    [change] = notes.completed
    assert (change.verb, change.resource, change.name, change.state) == ("delete", "pods", "web", ChangeState.REFUSED)
    assert not notes.intended


async def test_refused_read_is_told_apart_from_a_change(door: Door) -> None:
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url, effects=Effects(rules=(NO_PODS,))) as visit,
        doors.connected(door, visit) as client,
    ):
        assert (await client.ask("GET", PODS)).status == 403
        await doors.wait_until(lambda: visit.refusals.read)
        assert "no-pods" in visit.refusals.read
        assert not visit.refusals.change
        assert not server.requests


async def test_third_identical_refusal_is_called_repeated(door: Door) -> None:
    repeated: list[str] = []
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url, effects=Effects()) as visit,
        doors.connected(door, visit) as client,
    ):
        visit.refusals.on_repeated = repeated.append
        for name in ("a", "b", "a", "c", "b"):
            await client.ask("DELETE", f"{PODS}/{name}")
        assert not repeated
        await client.ask("DELETE", f"{PODS}/a")
        await doors.wait_until(lambda: repeated)
        assert "delete pods a" in repeated[0]


async def test_identity_is_written_by_the_door_and_never_copied(door: Door) -> None:
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url, effects=UNLIMITED.model_copy(update={"impersonation": JANE})) as visit,
        doors.connected(door, visit) as client,
    ):
        await client.ask("GET", PODS, headers={"Impersonate-User": "root", "Impersonate-Group": "system:masters"})
        await client.ask("GET", "/api/v1", headers={"Impersonate-User": "root"})
        of_pods, of_discovery = server.requests
    told = [pair for pair in of_pods.headers if pair[0].lower().startswith("impersonate-")]
    assert [(name.lower(), value) for name, value in told] == [
        ("impersonate-user", "jäne".encode().decode("latin-1")),
        ("impersonate-group", "dev"),
        ("impersonate-group", "ops"),
        ("impersonate-uid", "7"),
        ("impersonate-extra-team%2fa", "x"),
    ]
    assert not [name for name, _ in of_discovery.headers if name.lower().startswith("impersonate-")]


async def test_another_identity_is_refused_to_a_command_that_has_none(door: Door) -> None:
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url) as visit,
        doors.connected(door, visit) as client,
    ):
        answered = await client.ask("GET", "/api", headers={"impersonate-Extra-scopes": "all"})
        assert answered.status == 403
        assert not server.requests


@pytest.mark.parametrize("effects", [Effects(rules=(NO_PODS,)), Effects(fence=("other",))], ids=["rule", "fence"])
async def test_question_of_what_is_refused_is_not_asked(door: Door, effects: Effects) -> None:
    """What the observer sees reaches the caller as progress."""
    async with (
        faulty_server.running(answers.responds(b'{"items":[]}')) as server,
        doors.visited(door, server.url, effects=effects) as visit,
    ):
        assert await visit.ask(f"{PODS}?labelSelector=app%3Dweb") is None
        assert not server.requests
