"""Output on its way into the job's sealed event stream, on a real server."""

import asyncio
from dataclasses import dataclass
from functools import partial

import pytest
from redis.asyncio import Redis

from shared import terminal, utf8
from shared.events import EventKind
from shared.models import JobState
from shared.redis.redis_connection import worker_pool
from shared.sealing.fernet_keys import DataKey
from shared.store import key_names
from shared.store.attempts import Attempt, Ending
from tests.support.jobs import RESPONSE, Jobs, ending
from tests.support.recorders import LIMITS, key_of, opened
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until
from worker.job_control import JobControl
from worker.output.recorder import OutputLimits, OutputRecorder

OUT, ERR = EventKind.STDOUT, EventKind.STDERR


@dataclass(frozen=True)
class Recording:
    """The recorder of a running job."""

    jobs: Jobs
    attempt: Attempt
    key: DataKey
    control: JobControl
    recorder: OutputRecorder

    @classmethod
    async def of(cls, redis: Redis, limits: OutputLimits = LIMITS) -> "Recording":
        jobs = Jobs(redis)
        attempt = await jobs.running()
        key, control = key_of(attempt), JobControl()
        return cls(jobs, attempt, key, control, OutputRecorder(jobs.store, attempt, control, key=key, limits=limits))

    async def stored(self) -> dict[EventKind, bytes]:
        """What can be read back, by stream."""
        found = dict.fromkeys((OUT, ERR), b"")
        for event in opened(self.key, await self.jobs.store.events(self.attempt.job_id)):
            found[event.kind] += event.content
        return found

    async def has_stored(self, kind: EventKind, content: bytes) -> bool:
        return (await self.stored())[kind] == content


@pytest.fixture
async def recording(redis: Redis) -> Recording:
    return await Recording.of(redis)


async def test_output_is_stored_while_the_command_runs(recording: Recording) -> None:
    async with recording.recorder.streaming():
        recording.recorder.add(OUT, b"one\n")
        await wait_until(lambda: recording.has_stored(OUT, b"one\n"))
        recording.recorder.add(ERR, b"two\n")
        await wait_until(lambda: recording.has_stored(ERR, b"two\n"))
        # It is stored a moment before the recorder is told so.
        await wait_until(lambda: recording.recorder.remaining() == [])


async def test_output_of_a_command_that_ends_at_once_goes_with_its_end_alone(
    recording: Recording, redis: Redis
) -> None:
    async with recording.recorder.streaming():
        recording.recorder.add(OUT, b"at once")
        await asyncio.sleep(0)

    assert not await redis.exists(key_names.EVENTS + recording.attempt.job_id)
    [event] = opened(recording.key, recording.recorder.remaining())
    assert event.content == b"at once"


async def test_small_chunks_share_an_event(recording: Recording, redis: Redis) -> None:
    async with recording.recorder.streaming():
        for _ in range(100):
            recording.recorder.add(OUT, b"x")
        await wait_until(lambda: recording.has_stored(OUT, b"x" * 100))

    assert await redis.xlen(key_names.EVENTS + recording.attempt.job_id) < 10


@pytest.mark.parametrize("text", ["drei € und 😀", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07text"])
async def test_each_event_reads_by_itself_however_its_output_comes(recording: Recording, text: str) -> None:
    data = text.encode()
    async with recording.recorder.streaming():
        for end in range(1, len(data) + 1):
            recording.recorder.add(OUT, data[end - 1 : end])
            whole = terminal.complete_length(data[: utf8.complete_length(data[:end])])
            await wait_until(partial(recording.has_stored, OUT, data[:whole]))
    events = opened(recording.key, await recording.jobs.store.events(recording.attempt.job_id))
    assert "".join(terminal.plain(event.content.decode()) for event in events) == terminal.plain(text)


async def test_beginning_of_a_sequence_is_stored_with_the_end_at_the_latest(recording: Recording) -> None:
    recording.recorder.add(OUT, b"text\x1b[3")
    left = opened(recording.key, recording.recorder.remaining())
    assert b"".join(event.content for event in left) == b"text\x1b[3"


async def test_what_was_not_stored_goes_with_the_end_and_nothing_twice(recording: Recording) -> None:
    async with recording.recorder.streaming():
        recording.recorder.add(OUT, b"first,")
        await wait_until(lambda: recording.has_stored(OUT, b"first,"))
    recording.recorder.add(OUT, b"second")
    left = recording.recorder.remaining()

    assert await recording.jobs.store.settle(recording.attempt, Ending(JobState.SUCCEEDED, "", RESPONSE, left))
    assert await recording.stored() == {OUT: b"first,second", ERR: b""}


async def test_stream_that_ends_in_the_middle_loses_and_repeats_nothing(recording: Recording) -> None:
    expected = b""
    for number in range(20):
        async with recording.recorder.streaming():
            chunk = f"{number},".encode() * 2_000
            recording.recorder.add(OUT, chunk)
            expected += chunk
            await asyncio.sleep(0)
    left = recording.recorder.remaining()

    await recording.jobs.store.settle(recording.attempt, Ending(JobState.SUCCEEDED, "", RESPONSE, left))

    assert await recording.stored() == {OUT: expected, ERR: b""}


async def test_stored_bytes_are_bounded_and_the_command_is_not_held_up(redis: Redis) -> None:
    recording = await Recording.of(redis, OutputLimits(response_characters=10, stored_bytes=100_000))
    async with recording.recorder.streaming():
        for _ in range(100):
            recording.recorder.add(OUT, b"x" * 10_000)
            await asyncio.sleep(0)
    left = recording.recorder.remaining()
    await recording.jobs.store.settle(recording.attempt, Ending(JobState.SUCCEEDED, "", RESPONSE, left))

    assert 0 < len((await recording.stored())[OUT]) <= 100_000
    assert recording.recorder.dropped_bytes >= 900_000
    assert recording.recorder.text(OUT) == ("x" * 10, True)


async def test_writer_that_lost_its_job_stops(recording: Recording) -> None:
    await recording.jobs.store.settle(recording.attempt, ending(JobState.LOST))
    async with recording.recorder.streaming():
        recording.recorder.add(OUT, b"too late")

        await wait_until(lambda: recording.control.is_lost)

    assert await recording.stored() == {OUT: b"", ERR: b""}


async def test_output_of_an_outage_is_stored_after_it(own_valkey: Valkey) -> None:
    async with Redis.from_pool(worker_pool(own_valkey.address)) as redis:
        recording = await Recording.of(redis)
        async with recording.recorder.streaming():
            recording.recorder.add(OUT, b"before,")
            await wait_until(lambda: recording.has_stored(OUT, b"before,"))
            own_valkey.kill()
            recording.recorder.add(OUT, b"during,")
            own_valkey.start()

            await wait_until(lambda: recording.has_stored(OUT, b"before,during,"), timeout_s=60)
    assert not recording.control.is_lost


async def test_progress_is_told_apart_from_output_and_each_event_names_the_newest(recording: Recording) -> None:
    recorder = recording.recorder
    recorder.add(OUT, b"one\n")
    recorder.tell("0/2 ready")
    recorder.tell("1/2 ready")
    recorder.add(OUT, b"two\n")
    await recording.jobs.store.settle(recording.attempt, Ending(JobState.SUCCEEDED, "", RESPONSE, recorder.remaining()))
    events = opened(recording.key, await recording.jobs.store.events(recording.attempt.job_id))
    assert [(event.kind, event.content, event.progress) for event in events] == [
        (OUT, b"one\n", 0),
        (EventKind.PROGRESS, b"0/2 ready", 0),
        (EventKind.PROGRESS, b"1/2 ready", 2),
        (OUT, b"two\n", 3),
    ]
    assert recorder.newest_progress == 3
    assert recorder.text(OUT) == ("one\ntwo\n", False)
