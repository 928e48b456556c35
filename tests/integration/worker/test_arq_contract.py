"""What the product relies on in arq 0.28, which promises none of it: a new version has to pass here first."""

import asyncio
import inspect
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from arq import constants
from arq.connections import ArqRedis
from arq.jobs import deserialize_job_raw, serialize_job
from arq.utils import timestamp_ms
from arq.worker import Worker, func
from redis.asyncio import Redis

from shared.models import JobId, Lane
from shared.network import redis_address
from shared.redis.redis_connection import worker_pool
from shared.store import key_names, wire
from shared.store.job_store import ARQ_IN_PROGRESS_MS
from tests.support.jobs import Jobs, new_job_id
from tests.support.lanes import Recorder, idle_lane
from tests.support.waiting import wait_until
from worker.lane import LaneWorker


@pytest.fixture
def jobs(redis: Redis) -> Jobs:
    return Jobs(redis)


@pytest.fixture
async def lane(redis_url: str) -> AsyncIterator[LaneWorker]:
    """Two slots; its jobs run until `recorder.gate` opens."""
    recorder = Recorder()
    recorder.gate.clear()
    async with idle_lane(redis_url, recorder.run_job) as worker:
        worker.ctx["recorder"] = recorder
        yield worker


async def run_once(redis_url: str, job_id: JobId, outcome: Exception | None) -> Worker:
    """Runs a queued job on a plain arq worker whose job function ends with the outcome."""

    async def run_job(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> str:
        if outcome is not None:
            raise outcome
        return "a result"

    pool = ArqRedis(worker_pool(redis_address.parse(redis_url)))
    worker = Worker(
        functions=[func(run_job, name=wire.JOB_FUNCTION)],
        queue_name=key_names.queue(Lane.FAST),
        redis_pool=pool,
        handle_signals=False,
        keep_result=0,
        job_serializer=wire.serialize,
        job_deserializer=wire.deserialize,
    )
    await worker.start_jobs([job_id.encode()])
    await asyncio.gather(*worker.tasks.values())
    await pool.aclose(close_connection_pool=True)
    return worker


def test_key_names_are_those_that_the_store_writes() -> None:
    assert constants.job_key_prefix == key_names.ARQ_JOB
    assert constants.in_progress_key_prefix == key_names.ARQ_IN_PROGRESS
    assert constants.retry_key_prefix == key_names.ARQ_RETRY


def test_job_that_the_store_writes_is_the_one_that_arq_reads() -> None:
    job_id = new_job_id()

    name, arguments, named, tries_before, _ = deserialize_job_raw(wire.arq_job(job_id), deserializer=wire.deserialize)

    assert (name, list(arguments), named) == (wire.JOB_FUNCTION, [job_id], {})
    assert not tries_before


def test_job_that_arq_writes_has_the_same_fields() -> None:
    job_id = new_job_id()
    written = serialize_job(wire.JOB_FUNCTION, (job_id,), {}, None, 0, serializer=wire.serialize)

    assert wire.deserialize(written) == wire.deserialize(wire.arq_job(job_id))


@pytest.mark.parametrize(
    ("method", "parameters"),
    [(Worker.start_jobs, ["self", "job_ids"]), (Worker.run_job, ["self", "job_id", "score"])],
    ids=["start_jobs", "run_job"],
)
def test_overridden_and_called_methods_take_what_they_took(
    method: Callable[..., object], parameters: list[str]
) -> None:
    assert inspect.iscoroutinefunction(method)
    assert list(inspect.signature(method).parameters) == parameters


async def test_started_job_is_among_the_tasks_and_takes_a_slot(jobs: Jobs, lane: LaneWorker) -> None:
    job_id = await jobs.queued()

    await lane.start_jobs([job_id.encode()])

    assert list(lane.tasks) == [job_id]
    assert (lane.job_counter, lane.max_jobs) == (1, 2)


async def test_slot_is_given_back_when_the_job_ends(jobs: Jobs, lane: LaneWorker) -> None:
    job_id = await jobs.queued()
    await lane.start_jobs([job_id.encode()])

    lane.ctx["recorder"].gate.set()
    await lane.tasks[job_id]
    await wait_until(lambda: lane.job_counter == 0)


async def test_jobs_beyond_the_slots_are_skipped_and_stay_queued(redis: Redis, jobs: Jobs, lane: LaneWorker) -> None:
    job_ids = [await jobs.queued() for _ in range(3)]

    await lane.start_jobs([job_id.encode() for job_id in job_ids])

    assert list(lane.tasks) == job_ids[:2]
    assert await redis.exists(key_names.ARQ_IN_PROGRESS + job_ids[2]) == 0
    assert await redis.zscore(key_names.queue(Lane.FAST), job_ids[2]) is not None


@pytest.mark.parametrize("kind", ["unknown", "marked", "deferred"])
async def test_job_that_is_not_to_be_had_is_skipped(redis: Redis, jobs: Jobs, lane: LaneWorker, kind: str) -> None:
    job_id = new_job_id() if kind == "unknown" else await jobs.queued()
    if kind == "marked":
        await redis.set(key_names.ARQ_IN_PROGRESS + job_id, "1", ex=60)
    if kind == "deferred":
        await redis.zadd(key_names.queue(Lane.FAST), {job_id: timestamp_ms() + 60_000})

    await lane.start_jobs([job_id.encode()])

    assert (dict(lane.tasks), lane.job_counter) == ({}, 0)


async def test_mark_of_a_picked_up_job_outlives_the_longest_run(redis: Redis, jobs: Jobs, lane: LaneWorker) -> None:
    job_id = await jobs.queued()

    await lane.start_jobs([job_id.encode()])

    assert lane.in_progress_timeout_s * 1000 == ARQ_IN_PROGRESS_MS
    assert ARQ_IN_PROGRESS_MS - 60_000 < await redis.pttl(key_names.ARQ_IN_PROGRESS + job_id) <= ARQ_IN_PROGRESS_MS


async def test_poll_skips_when_jobs_may_not_be_picked(jobs: Jobs, lane: LaneWorker) -> None:
    await jobs.queued()
    lane.stop_taking_jobs()

    await lane._poll_iteration()
    assert not lane.tasks

    lane.allow_pick_jobs = True
    await lane._poll_iteration()
    assert len(lane.tasks) == 1


@pytest.mark.parametrize("outcome", [None, RuntimeError("broken")], ids=["success", "failure"])
async def test_ended_job_leaves_neither_result_nor_any_key_of_arq(
    redis: Redis, redis_url: str, jobs: Jobs, outcome: Exception | None
) -> None:
    job_id = await jobs.queued()

    await run_once(redis_url, job_id, outcome)

    assert await redis.keys("arq:*") == []
    assert await redis.zcard(key_names.queue(Lane.FAST)) == 0


async def test_pickled_job_is_dropped_unread(redis: Redis, jobs: Jobs, lane: LaneWorker) -> None:
    job_id = await jobs.queued()
    await redis.set(key_names.ARQ_JOB + job_id, serialize_job(wire.JOB_FUNCTION, (job_id,), {}, None, 0), ex=60)

    await lane.start_jobs([job_id.encode()])
    await lane.tasks[job_id]

    assert not lane.ctx["recorder"].started
    assert await redis.keys("arq:*") == []


async def test_lane_leaves_signals_alone(redis_url: str) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]

    async with idle_lane(redis_url, Recorder().run_job):
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_worker_reads_its_pace_and_its_permission_from_attributes() -> None:
    source = inspect.getsource(Worker)

    for attribute in ("self.poll_delay_s", "self.allow_pick_jobs", "self.queue_read_limit", "self.job_serializer"):
        assert attribute in source
