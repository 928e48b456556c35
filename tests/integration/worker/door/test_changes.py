"""Changes: noted before they are forwarded, and completed by what the server answers."""

import asyncio
import json

import pytest

from shared.changes import Change, ChangeState
from tests.support import door as doors
from tests.support import faulty_server
from tests.support.door import Notes
from tests.support.faulty_server import Connection, Request, answers
from worker.door.client.client import Door
from worker.door.messages import Seen

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONFIG_MAPS = "/api/v1/namespaces/shop/configmaps"
CREATED = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "web-x7", "namespace": "shop"}}
GENERATED = json.dumps({"kind": "ConfigMap", "metadata": {"generateName": "web-"}}).encode()


async def test_change_is_noted_before_it_is_forwarded(door: Door) -> None:
    notes = Notes(held=asyncio.Event())
    async with (
        faulty_server.running(answers.responds(json.dumps(CREATED).encode(), status=201)) as server,
        doors.visited(door, server.url, notary=notes) as visit,
        doors.connected(door, visit) as client,
    ):
        client.writer.write(client.request("POST", CONFIG_MAPS, body=GENERATED))
        await doors.wait_until(lambda: notes.intended)
        assert not server.requests
        assert notes.held is not None
        notes.held.set()
        assert (await client.answer()).status == 201
        await doors.wait_until(lambda: notes.completed)
    intended = Change(
        number=1, verb="create", group="", resource="configmaps", kind="ConfigMap", namespace="shop", name=""
    )
    assert notes.intended == [intended]
    done = {"name": "web-x7", "state": ChangeState.DONE, "status": 201}
    assert notes.completed == [intended.model_copy(update=done)]


async def test_name_in_the_request_is_noted_at_once(door: Door) -> None:
    notes = Notes()
    async with (
        faulty_server.running(answers.responds(status=201)) as server,
        doors.visited(door, server.url, notary=notes) as visit,
        doors.connected(door, visit) as client,
    ):
        await client.ask("POST", CONFIG_MAPS, body=json.dumps(CREATED).encode())
        assert [change.name for change in notes.intended] == ["web-x7"]


@pytest.mark.parametrize(
    ("method", "path", "verb", "resource", "name"),
    [
        ("DELETE", f"{CONFIG_MAPS}/web", "delete", "configmaps", "web"),
        ("DELETE", CONFIG_MAPS, "deletecollection", "configmaps", ""),
        ("PATCH", "/apis/apps/v1/namespaces/shop/deployments/web/scale", "patch", "deployments/scale", "web"),
        ("PUT", f"{CONFIG_MAPS}/web", "update", "configmaps", "web"),
        ("POST", "/api/v1/namespaces/shop/pods/web/eviction", "create", "pods/eviction", "web"),
        ("POST", "/somewhere", "post", "/somewhere", ""),
    ],
)
async def test_change_is_named_as_kubernetes_authorizes_it(
    door: Door, *, method: str, path: str, verb: str, resource: str, name: str
) -> None:
    notes = Notes()
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url, notary=notes) as visit,
        doors.connected(door, visit) as client,
    ):
        assert (await client.ask(method, path, body=b"{}")).status == 200
    [change] = notes.intended
    assert (change.verb, change.resource, change.name) == (verb, resource, name)


async def test_change_that_cannot_be_noted_is_not_forwarded(door: Door) -> None:
    notes = Notes(refusal="Redis cannot be written")
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url, notary=notes) as visit,
        doors.connected(door, visit) as client,
    ):
        answer = await client.ask("DELETE", f"{CONFIG_MAPS}/web")
        assert (answer.status, json.loads(answer.body)["message"]) == (503, "Redis cannot be written")
        assert "retry-after" not in answer.headers
        assert not server.requests
        assert (await client.get(CONFIG_MAPS)).status == 200


async def test_change_that_the_server_refuses_has_failed(door: Door) -> None:
    notes = Notes()
    async with (
        faulty_server.running(answers.refuses(403, "Forbidden")) as server,
        doors.visited(door, server.url, notary=notes) as visit,
        doors.connected(door, visit) as client,
    ):
        await client.ask("DELETE", f"{CONFIG_MAPS}/web")
    assert [(change.state, change.status) for change in notes.completed] == [(ChangeState.FAILED, 403)]


async def test_unreachable_server_gets_no_note(door: Door) -> None:
    notes = Notes()
    async with faulty_server.running(answers.responds()) as server:
        pass
    async with doors.visited(door, server.url, notary=notes) as visit, doors.connected(door, visit) as client:
        assert (await client.ask("DELETE", f"{CONFIG_MAPS}/web")).status == 503
    assert not notes.intended


async def test_outcome_is_told_although_the_command_has_gone(door: Door) -> None:
    notes, released = Notes(), asyncio.Event()

    async def answer(connection: Connection, request: Request) -> None:
        await released.wait()
        await answers.responds(status=200)(connection, request)

    async with faulty_server.running(answer) as server:
        async with doors.visited(door, server.url, notary=notes) as visit:
            async with doors.connected(door, visit) as client:
                client.writer.write(client.request("DELETE", f"{CONFIG_MAPS}/web"))
                await doors.wait_until(lambda: server.requests)
            released.set()
        assert [change.state for change in notes.completed] == [ChangeState.DONE]


async def test_outcome_that_never_comes_stays_unknown(door: Door) -> None:
    notes = Notes()
    async with faulty_server.running(answers.stalls()) as server:
        async with doors.visited(door, server.url, notary=notes) as visit, doors.connected(door, visit) as client:
            client.writer.write(client.request("DELETE", f"{CONFIG_MAPS}/web"))
            await doors.wait_until(lambda: server.requests)
        assert (len(notes.intended), notes.completed) == (1, [])


async def test_command_that_goes_before_the_note_changes_nothing(door: Door) -> None:
    notes = Notes(held=asyncio.Event())
    async with faulty_server.running(answers.responds()) as server:
        async with doors.visited(door, server.url, notary=notes) as visit:
            async with doors.connected(door, visit) as client:
                client.writer.write(client.request("DELETE", f"{CONFIG_MAPS}/web"))
                await doors.wait_until(lambda: notes.intended)
            assert notes.held is not None
            notes.held.set()
            await doors.wait_until(lambda: notes.completed)
        assert [change.state for change in notes.completed] == [ChangeState.REFUSED]
        assert not server.requests


async def test_long_names_do_not_harm_the_door(door: Door) -> None:
    """The link to the worker carries packets of limited length."""
    notes, seen = Notes(), list[Seen]()
    body = json.dumps({"kind": "K" * 200_000, "metadata": {"name": "n" * 700_000}}).encode()
    async with (
        faulty_server.running(answers.responds(body)) as server,
        doors.visited(door, server.url, notary=notes, reports=seen.append) as visit,
        doors.connected(door, visit) as client,
    ):
        assert (await client.ask("POST", CONFIG_MAPS, body=body)).status == 200
        assert (await client.ask("POST", f"/{'p' * 65_000}", body=b"{}")).status == 200
        assert (await client.get(f"{CONFIG_MAPS}?labelSelector={',' * 65_000}")).status == 200
        assert (await client.get(CONFIG_MAPS)).status == 200
        await doors.wait_until(lambda: [each.verb for each in seen if each.is_resource] == ["create", "list"])
    assert [len(change.name) for change in notes.completed] == [512, 0]


async def test_changes_are_counted_through_a_visit(door: Door) -> None:
    notes = Notes()
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, server.url, notary=notes) as visit,
    ):
        for _ in range(3):
            async with doors.connected(door, visit) as client:
                await client.ask("DELETE", f"{CONFIG_MAPS}/web")
    assert [change.number for change in notes.intended] == [1, 2, 3]


async def test_requests_are_reported_with_the_judgement(door: Door) -> None:
    seen: list[Seen] = []
    async with (
        faulty_server.running(answers.responds(json.dumps(CREATED).encode())) as server,
        doors.visited(door, server.url, notary=Notes(), reports=seen.append) as visit,
        doors.connected(door, visit) as client,
    ):
        await client.get(f"{CONFIG_MAPS}?labelSelector=app%3Dweb&limit=5")
        await client.ask("POST", CONFIG_MAPS, body=GENERATED)
        await client.ask("DELETE", "/api/v1/namespaces/shop")
        await doors.wait_until(lambda: len(seen) == 3)
        assert [(each.verb, each.refused_by, each.status) for each in seen] == [
            ("list", "", 200),
            ("create", "", 200),
            ("delete", "", 200),
        ]
        assert seen[0].selectors == "labelSelector=app%3Dweb"
        assert seen[1].name == "web-x7"
        assert {each.audit_id for each in seen} == {request.header("audit-id") for request in server.requests}


async def test_change_to_an_address_that_cannot_be_used_is_not_noted_and_opens_nothing(door: Door) -> None:
    notes = Notes()
    async with (
        faulty_server.running(answers.responds()) as server,
        doors.visited(door, f"{server.url}/api/v1/namespaces", notary=notes) as visit,
        doors.connected(door, visit) as client,
    ):
        for _ in range(3):
            answer = await client.ask("DELETE", f"{CONFIG_MAPS}/web")
            assert (answer.status, b"cannot be used" in answer.body) == (503, True)
        assert (len(server.connections) <= 1, server.requests, notes.intended) == (True, [], [])
