"""The door and its worker end together."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from shared.effects import UNLIMITED
from shared.models import JobId
from tests.support import door as doors
from tests.support import faulty_server
from tests.support.faulty_server import answers
from worker.door.client.client import Door, DoorGoneError
from worker.door.messages import Access

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROJECT = Path(__file__).parents[4]
WORKER = """
import asyncio, sys
from tests.support import egress
from worker import loopback
from worker.door.client.client import Door

async def main():
    door = await Door.start(loopback.listener(), egress.dialer())
    print(door.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_death_of_the_door_is_told_to_each_visit() -> None:
    told: list[str] = []
    async with doors.running() as door, faulty_server.running(answers.responds()) as server:
        access = Access(pass_="p", principal="me", server=server.url)
        given = door.visit(access, job_id=JobId("0" * 48), effects=UNLIMITED, on_gone=lambda: told.append("gone"))
        async with given as visit:
            await visit.admitted()
            os.kill(door.pid, signal.SIGKILL)
            await asyncio.wait_for(door.gone.wait(), doors.LIMIT_S)
            assert told == ["gone"]
            with pytest.raises(DoorGoneError):
                await visit.admitted()


async def test_death_of_the_door_breaks_its_connections() -> None:
    async with doors.running() as door, faulty_server.running(answers.stalls()) as server:
        async with doors.visited(door, server.url) as visit, doors.connected(door, visit) as client:
            client.writer.write(client.request("GET", "/version"))
            await doors.wait_until(lambda: server.requests)
            door.kill()
            assert await client.is_ended()
        await doors.wait_until(lambda: server.open_connections == 0)


async def test_orderly_end_is_not_told_as_a_death() -> None:
    told: list[str] = []
    async with faulty_server.running(answers.responds()) as server, doors.running() as door:
        access = Access(pass_="p", principal="me", server=server.url)
        async with door.visit(
            access, job_id=JobId("0" * 48), effects=UNLIMITED, on_gone=lambda: told.append("gone")
        ) as visit:
            await visit.admitted()
            await door.close()
    assert not told


async def test_door_ends_with_its_worker() -> None:
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, stdout=asyncio.subprocess.PIPE, cwd=PROJECT
    )
    assert worker.stdout is not None
    pid = int(await asyncio.wait_for(worker.stdout.readline(), doors.LIMIT_S))
    worker.kill()
    await worker.wait()
    await doors.wait_until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid)  # tests adopt orphans


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_door_leaves_signals_to_its_worker(door: Door, number: signal.Signals) -> None:
    async with faulty_server.running(answers.responds()) as server, doors.visited(door, server.url) as visit:
        os.kill(door.pid, number)
        async with doors.connected(door, visit) as client:
            assert (await client.get("/version")).status == 200


async def test_packet_that_is_not_valid_ends_the_door() -> None:
    """What the worker does with a door that says something wrong."""
    async with doors.running() as door:
        door._on_packet(b'{"type":"seen"}', [])
        await asyncio.wait_for(door.gone.wait(), doors.LIMIT_S)
