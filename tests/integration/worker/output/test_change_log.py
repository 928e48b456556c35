"""Changes on their way into the job's event stream, on a real server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from redis.asyncio import Redis

from shared.changes import Change, ChangeState
from shared.events import EventKind, OutputEvent
from shared.models import JobState
from shared.redis.redis_connection import worker_pool
from shared.sealing.fernet_keys import DataKey
from shared.store import key_names
from shared.store.attempts import Attempt, Ending
from tests.support.changes import change
from tests.support.jobs import RESPONSE, Jobs, ending
from tests.support.recorders import key_of, opened
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until
from worker.job_control import JobControl
from worker.output import change_log
from worker.output.change_log import LOST, NOT_NOTED
from worker.output.recorder import OutputLimits, OutputRecorder

OUT, CHANGE = EventKind.STDOUT, EventKind.CHANGE
DONE, REFUSED = ChangeState.DONE, ChangeState.REFUSED
SHORT_S = 0.2


@dataclass(frozen=True)
class Notes:
    """A running job and the log of its changes."""

    redis: Redis
    jobs: Jobs
    attempt: Attempt
    key: DataKey
    control: JobControl
    recorder: OutputRecorder

    @classmethod
    async def of(cls, redis: Redis, *, stored_bytes: int = 1_000_000) -> "Notes":
        jobs, control = Jobs(redis), JobControl()
        attempt = await jobs.running()
        key, limits = key_of(attempt), OutputLimits(response_characters=1_000, stored_bytes=stored_bytes)
        recorder = OutputRecorder(jobs.store, attempt, control, key=key, limits=limits)
        return cls(redis, jobs, attempt, key, control, recorder)

    async def intend(self, noted: Change) -> str | None:
        return await self.recorder.changes.intend(noted)

    async def events(self) -> list[OutputEvent]:
        return opened(self.key, await self.jobs.store.events(self.attempt.job_id))

    async def contents(self) -> list[bytes | Change]:
        """Output as bytes, changes as such, in the order of the stream."""
        return [
            Change.model_validate_json(event.content) if event.kind is CHANGE else event.content
            for event in await self.events()
        ]

    async def settle(self) -> None:
        left = self.recorder.remaining()
        assert await self.jobs.store.settle(self.attempt, Ending(JobState.SUCCEEDED, "", RESPONSE, left))

    async def calls(self) -> int:
        """Commands that the server has executed, without those of scripts."""
        stats = await self.redis.info("commandstats")
        return sum(int(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"]) for name in ("evalsha", "eval", "wait"))


@pytest.fixture
async def notes(redis: Redis) -> Notes:
    return await Notes.of(redis)


@pytest.fixture
async def own_redis(own_valkey: Valkey) -> AsyncIterator[Redis]:
    async with Redis.from_pool(worker_pool(own_valkey.address)) as client:
        yield client


@pytest.fixture
def is_impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_log, "HOLD_S", SHORT_S)


async def test_change_is_stored_when_it_is_noted(notes: Notes) -> None:
    assert await notes.intend(change()) is None
    assert await notes.contents() == [change()]


async def test_note_takes_one_round_trip(notes: Notes) -> None:
    await notes.intend(change(1))
    before = await notes.calls()

    await notes.intend(change(2))

    assert await notes.calls() == before + 1


async def test_output_before_a_change_is_stored_before_it_in_the_same_write(notes: Notes) -> None:
    notes.recorder.add(OUT, b"before\n")
    await notes.intend(change(1))
    before = await notes.calls()
    notes.recorder.add(OUT, b"between\n")
    await notes.intend(change(2))
    after = await notes.calls()
    notes.recorder.add(OUT, b"behind\n")
    await notes.settle()

    assert after == before + 1
    assert await notes.contents() == [b"before\n", change(1), b"between\n", change(2), b"behind\n"]


async def test_outcome_goes_with_the_next_write(notes: Notes) -> None:
    await notes.intend(change(1))
    notes.recorder.changes.complete(change(1, state=DONE, status=201))
    await notes.intend(change(2))

    assert await notes.contents() == [change(1), change(1, state=DONE, status=201), change(2)]


async def test_outcome_is_written_soon_while_output_is_streamed(notes: Notes) -> None:
    async with notes.recorder.streaming():
        await notes.intend(change(1))
        notes.recorder.changes.complete(change(1, state=DONE))

        async def is_stored() -> bool:
            return await notes.contents() == [change(1), change(1, state=DONE)]

        await wait_until(is_stored)


async def test_outcome_that_was_not_written_goes_with_the_end(notes: Notes) -> None:
    await notes.intend(change())
    notes.recorder.changes.complete(change(state=DONE))
    await notes.settle()

    assert await notes.contents() == [change(), change(state=DONE)]
    assert await notes.jobs.store.changes(notes.attempt.job_id) == {1: 2}


async def test_changes_and_output_at_the_same_time_lose_and_repeat_nothing(notes: Notes) -> None:
    async def write() -> None:
        for number in range(200):
            notes.recorder.add(OUT, b"%d," % number * 1_000)
            await asyncio.sleep(0)

    async with notes.recorder.streaming(), asyncio.TaskGroup() as group:
        group.create_task(write())
        for number in range(1, 51):
            group.create_task(notes.intend(change(number)))
    await notes.settle()
    contents = await notes.contents()

    assert b"".join(each for each in contents if isinstance(each, bytes)) == b"".join(
        b"%d," % number * 1_000 for number in range(200)
    )
    assert [each for each in contents if isinstance(each, Change)] == [change(number) for number in range(1, 51)]


async def test_changes_count_against_no_limit_of_output(redis: Redis) -> None:
    notes = await Notes.of(redis, stored_bytes=1_000)
    for number in range(1, 101):
        assert await notes.intend(change(number)) is None
    notes.recorder.add(OUT, b"x" * 500)
    await notes.settle()

    assert len(await notes.jobs.store.changes(notes.attempt.job_id)) == 100
    assert (await notes.contents())[-1] == b"x" * 500
    assert notes.recorder.dropped_bytes == 0


async def test_attempt_that_lost_its_job_notes_nothing_and_loses_the_command(notes: Notes) -> None:
    await notes.jobs.store.settle(notes.attempt, ending(JobState.LOST))

    assert await notes.intend(change()) == LOST
    assert notes.control.is_lost
    assert await notes.contents() == []


async def test_command_that_lost_its_job_is_refused_without_asking(notes: Notes) -> None:
    notes.control.lose()

    assert await notes.intend(change()) == LOST
    assert await notes.contents() == []


async def test_change_after_the_end_is_refused(notes: Notes) -> None:
    await notes.settle()

    assert await notes.intend(change()) == LOST
    notes.recorder.changes.complete(change(state=DONE))
    assert await notes.contents() == []


async def test_number_is_not_used_twice(notes: Notes) -> None:
    await notes.intend(change())

    assert await notes.intend(change(name="other")) == LOST
    await notes.settle()
    assert await notes.contents() == [change()]


async def test_change_is_held_through_an_outage(own_valkey: Valkey, own_redis: Redis) -> None:
    notes = await Notes.of(own_redis)
    await notes.intend(change(1))
    own_valkey.kill()
    held = asyncio.create_task(notes.intend(change(2)))
    await asyncio.sleep(0)
    assert not held.done()
    own_valkey.start()

    assert await held is None
    assert await notes.contents() == [change(1), change(2)]


@pytest.mark.usefixtures("is_impatient")
async def test_change_is_refused_after_a_while_and_completed_as_refused(own_valkey: Valkey, own_redis: Redis) -> None:
    notes = await Notes.of(own_redis)
    own_valkey.kill()

    assert await notes.intend(change()) == NOT_NOTED

    own_valkey.start()
    await notes.settle()
    assert await notes.contents() == [change(), change(state=REFUSED)]


@pytest.mark.usefixtures("is_impatient")
async def test_change_is_refused_while_redis_hangs(own_valkey: Valkey, own_redis: Redis) -> None:
    notes = await Notes.of(own_redis)
    own_valkey.pause()

    assert await notes.intend(change()) == NOT_NOTED

    own_valkey.resume()
    await notes.settle()
    assert await notes.contents() == [change(), change(state=REFUSED)]


async def test_change_whose_note_is_cancelled_is_refused(own_valkey: Valkey, own_redis: Redis) -> None:
    notes = await Notes.of(own_redis)
    own_valkey.pause()
    held = asyncio.create_task(notes.intend(change()))
    await asyncio.sleep(0)
    held.cancel()
    await asyncio.wait({held})
    own_valkey.resume()
    await notes.settle()

    assert held.cancelled()
    assert await notes.contents() == [change(), change(state=REFUSED)]


async def test_full_redis_takes_the_first_changes_with_the_output_before_them(own_redis: Redis) -> None:
    notes = await Notes.of(own_redis)
    await own_redis.config_set("maxmemory", 1)
    notes.recorder.add(OUT, b"before\n")

    assert await notes.intend(change()) is None
    assert await notes.contents() == [b"before\n", change()]


@pytest.mark.usefixtures("is_impatient")
async def test_full_redis_refuses_changes_after_the_first_ones(
    own_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_log, "NOTED_WHEN_FULL", 1)
    notes = await Notes.of(own_redis)
    await own_redis.config_set("maxmemory", 1)

    assert await notes.intend(change(1)) is None
    assert await notes.intend(change(2)) == NOT_NOTED
    await own_redis.config_set("maxmemory", 0)
    assert await notes.intend(change(3)) is None


async def test_names_are_printable_and_of_limited_length(notes: Notes) -> None:
    await notes.intend(change(resource="/x" * 10_000, name="a\x1b[31mb\n"))

    [noted] = await notes.contents()
    assert isinstance(noted, Change)
    assert noted.name == "a\ufffd[31mb\ufffd"
    assert len(noted.resource) == change_log.LONGEST_TEXT


async def test_changes_live_as_long_as_their_job(notes: Notes) -> None:
    await notes.intend(change())
    job_ttl_s = await notes.redis.ttl(key_names.JOB + notes.attempt.job_id)
    assert job_ttl_s - 1 <= await notes.redis.ttl(key_names.CHANGES + notes.attempt.job_id) <= job_ttl_s

    await notes.settle()

    job_ttl_s = await notes.redis.ttl(key_names.JOB + notes.attempt.job_id)
    assert job_ttl_s - 1 <= await notes.redis.ttl(key_names.CHANGES + notes.attempt.job_id) <= job_ttl_s
