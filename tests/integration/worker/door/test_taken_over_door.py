"""A door that was taken over harms neither its worker nor the truth of what was noted."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shared import metrics
from shared.changes import Change, ChangeState
from shared.effects import UNLIMITED
from tests.support import door as doors
from worker.door.client import client
from worker.door.client.client import Door, Visit
from worker.door.client.visit import MOST_NOTES, TOO_MANY
from worker.door.messages import Access

UNREACHABLE = "https://127.0.0.1:1"
ACCESS = Access(pass_="p", principal="me", server=UNREACHABLE)
IMPOSTOR = """
import array, json, os, select, socket, sys

link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, fileno=int(sys.argv[3]))

def send(kind, *descriptors, **fields):
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    link.sendmsg([json.dumps({"type": kind, **fields}).encode()], rights)

early = []

def received(kind):
    while True:
        for message in early:
            if message["type"] == kind:
                early.remove(message)
                return message
        early.append(json.loads(link.recv(1 << 20) or sys.exit()))

def admit():
    visit = received("admit")["visit"]
    send("admitted", visit=visit)
    return visit

def answer(visit, status=200):
    send("answered", os.memfd_create("answer"), visit=visit, ask=received("ask")["ask"], status=status)

def change(number, **fields):
    texts = dict.fromkeys(("verb", "group", "resource", "kind", "namespace", "name"), "")
    return {"number": number, **texts, **fields}
"""


@asynccontextmanager
async def _impostor(monkeypatch: pytest.MonkeyPatch, program: str) -> AsyncIterator[Door]:
    monkeypatch.setattr(client, "_BOOTSTRAP", IMPOSTOR + program)
    async with doors.running() as door:
        yield door
        door.kill()


async def _is_answered(visit: Visit) -> bool:
    return await visit.ask("/") is not None


async def test_endless_messages_leave_the_worker_its_other_work(monkeypatch: pytest.MonkeyPatch) -> None:
    program = """
for _ in range(200_000):
    send("stranger", count=1)
    if select.select([link], [], [], 0)[0]:
        break
else:
    sys.exit()
admit()
received("never")
"""
    counted = metrics.DOOR_STRANGERS._value.get
    before = counted()
    async with _impostor(monkeypatch, program) as door:
        await doors.wait_until(lambda: counted() > before)
        async with doors.visited(door, UNREACHABLE):
            assert not door.gone.is_set()


async def test_descriptors_that_nobody_expects_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    program = """
visit = admit()
stray = os.memfd_create("stray")
for number in range(10):
    send("dial", *[stray] * 20, visit=visit, dial=number)
    send("dial", *[stray] * 20, visit=99, dial=number)
    send("stranger", *[stray] * 20, count=1)
answer(visit)
received("never")
"""
    async with _impostor(monkeypatch, program) as door, doors.visited(door, UNREACHABLE) as visit:
        assert await _is_answered(visit)
        assert not [link for link in os.listdir("/proc/self/fd") if "stray" in _target(link)]


async def test_answer_that_is_no_file_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    program = """
visit = admit()
send("answered", os.pipe()[0], visit=visit, ask=received("ask")["ask"], status=200)
received("never")
"""
    async with _impostor(monkeypatch, program) as door, doors.visited(door, UNREACHABLE) as visit:
        assert await visit.ask("/") is None


async def test_outcome_counts_once_and_only_for_the_change_that_was_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    program = """
visit = admit()
send("intend", visit=visit, change=change(1, verb="create", resource="pods", state="done", status=201))
received("intended")
send("complete", visit=visit, change=change(2, verb="create", resource="pods", state="done", status=201))
for name in "a", "b":
    send("complete", visit=visit, change=change(1, verb="get", resource="x", name=name, state="done", status=201))
answer(visit)
received("never")
"""
    notes = doors.Notes()
    async with _impostor(monkeypatch, program) as door, doors.visited(door, UNREACHABLE, notary=notes) as visit:
        assert await _is_answered(visit)
    noted = Change(number=1, verb="create", group="", resource="pods", kind="", namespace="", name="")
    assert notes.intended == [noted]
    outcome = {"name": "a", "state": ChangeState.DONE, "status": 201}
    assert notes.completed == [noted.model_copy(update=outcome)]


async def test_more_changes_at_once_than_connections_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    program = f"""
visit = admit()
for number in range({MOST_NOTES + 1}):
    send("intend", visit=visit, change=change(number + 1))
assert received("intended")["refusal"] == {TOO_MANY!r}
answer(visit)
received("never")
"""
    notes = doors.Notes(held=asyncio.Event())
    async with _impostor(monkeypatch, program) as door, doors.visited(door, UNREACHABLE, notary=notes) as visit:
        assert await _is_answered(visit)
        door.kill()


async def test_door_that_takes_no_messages_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    program = """
visit = admit()
number = 0
while True:
    number += 1
    send("dial", visit=visit, dial=number)
"""
    async with _impostor(monkeypatch, program) as door, door.visit(ACCESS, job_id=doors.JOB_ID, effects=UNLIMITED):
        await doors.wait_until(door.gone.is_set)


@pytest.mark.parametrize(
    "packet",
    [
        'send("stranger", count=10**400)',
        'send("intend", visit=visit, change=change(0))',
        'send("intend", visit=visit, change=change(1, status=10**400))',
    ],
)
async def test_numbers_out_of_range_end_the_door(monkeypatch: pytest.MonkeyPatch, packet: str) -> None:
    program = f"visit = admit()\n{packet}\nreceived('never')"
    async with _impostor(monkeypatch, program) as door, door.visit(ACCESS, job_id=doors.JOB_ID, effects=UNLIMITED):
        await doors.wait_until(door.gone.is_set)


def _target(link: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{link}")
    except FileNotFoundError:  # the descriptor with which the directory is read
        return ""
