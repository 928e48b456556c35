"""What the product relies on in arq 0.28, which promises none of it: a new version has to pass here first."""

import asyncio
import inspect
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from arq.connections import ArqRedis
from arq.utils import timestamp_ms
from arq.worker import Worker
from redis.asyncio import Redis

from shared.models import Lane
from shared.network import redis_address
from shared.redis.redis_connection import worker_pool
from shared.store import key_names
from tests.support.jobs import Jobs
from tests.support.lanes import Recorder, idle_lane
from tests.support.waiting import wait_until
from worker.lane import LaneWorker

QUEUE = key_names.queue(Lane.FAST)
SOON_S = 0.01
MINUTE_MS = 60_000
SLOTS = 2


class Polling(Worker):
    """An arq worker that only notes what its poll finds, as our lanes let arq do no more."""

    def __init__(self, pool: ArqRedis, **settings: Any) -> None:
        super().__init__(
            functions=[_never],
            queue_name=QUEUE,
            redis_pool=pool,
            handle_signals=False,
            poll_delay=SOON_S,
            **settings,
        )
        self.found: list[list[bytes]] = []

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        self.found.append(job_ids)


async def _never(ctx: dict[Any, Any], *arguments: Any, **named: Any) -> None:
    raise AssertionError("arq runs no job function of ours")


@asynccontextmanager
async def polling(redis_url: str, **settings: Any) -> AsyncIterator[Polling]:
    """A worker whose `main` does not run yet."""
    pool = ArqRedis(worker_pool(redis_address.parse(redis_url)))
    yield Polling(pool, **settings)
    await pool.aclose(close_connection_pool=True)


@asynccontextmanager
async def main_of(worker: Worker) -> AsyncIterator["asyncio.Task[None]"]:
    running = asyncio.create_task(worker.main(), name="main")
    try:
        yield running
    finally:
        running.cancel()
        await asyncio.wait({running})


@pytest.fixture
def jobs(redis: Redis) -> Jobs:
    return Jobs(redis)


@pytest.fixture
def recorder() -> Recorder:
    """Its jobs run until its gate opens."""
    recorder = Recorder()
    recorder.gate.clear()
    return recorder


@pytest.fixture
async def lane(redis_url: str, recorder: Recorder) -> AsyncIterator[LaneWorker]:
    async with idle_lane(redis_url, recorder.run_claim, slots=SLOTS) as worker:
        yield worker


async def test_main_gives_the_ids_in_its_queue_to_start_jobs_again_and_again(redis: Redis, redis_url: str) -> None:
    async with polling(redis_url) as worker, main_of(worker):
        await wait_until(lambda: worker.found)
        await redis.zadd(QUEUE, {"second": 1, "first": 0})

        await wait_until(lambda: worker.found.count([b"first", b"second"]) > 1)


async def test_poll_passes_over_scores_beyond_the_clock_so_turns_must_stay_below_it(
    redis: Redis, redis_url: str
) -> None:
    await redis.zadd(QUEUE, {"turn": 1_000_000, "deferred": timestamp_ms() + MINUTE_MS})

    async with polling(redis_url) as worker:
        await worker._poll_iteration()

    assert worker.found == [[b"turn"]]


async def test_poll_reads_no_more_ids_than_it_is_told_to(redis: Redis, redis_url: str) -> None:
    await redis.zadd(QUEUE, {"first": 0, "second": 1})

    async with polling(redis_url, queue_read_limit=1) as worker:
        await worker._poll_iteration()

    assert worker.found == [[b"first"]]


@pytest.mark.parametrize("reason", ["it may not", "no slot is free"])
async def test_poll_looks_for_no_job_when_it_cannot_run_one(redis: Redis, redis_url: str, reason: str) -> None:
    await redis.zadd(QUEUE, {"first": 0})
    async with polling(redis_url, max_jobs=1) as worker:
        if reason == "it may not":
            worker.allow_pick_jobs = False
        else:
            worker.job_counter = 1
        await worker._poll_iteration()

    assert worker.found == []


async def test_poll_takes_jobs_as_the_wake_list_does(jobs: Jobs, lane: LaneWorker, recorder: Recorder) -> None:
    job_ids = [await jobs.queued() for _ in range(SLOTS + 1)]

    await lane._poll_iteration()

    await wait_until(lambda: set(recorder.started) == set(job_ids[:SLOTS]))
    assert (lane.job_counter, len(lane.tasks)) == (SLOTS, SLOTS)


async def test_semaphore_and_counter_are_what_arq_releases_when_a_job_ends(
    jobs: Jobs, lane: LaneWorker, recorder: Recorder
) -> None:
    assert lane.sem is not None
    before = lane.sem._value
    for _ in range(SLOTS):
        await jobs.queued()
    await lane._poll_iteration()
    assert (lane.job_counter, lane.sem._value) == (SLOTS, before - SLOTS)

    recorder.gate.set()
    await asyncio.gather(*lane.tasks.values())

    await wait_until(lambda: lane.job_counter == 0)
    assert lane.sem._value == before


async def test_poll_forgets_tasks_that_have_ended(jobs: Jobs, lane: LaneWorker, recorder: Recorder) -> None:
    await jobs.queued()
    await lane._poll_iteration()
    assert len(lane.tasks) == 1
    recorder.gate.set()
    await asyncio.gather(*lane.tasks.values())

    await lane._poll_iteration()

    assert lane.tasks == {}


async def test_main_ends_with_the_error_of_a_task_that_has_failed(redis_url: str) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    async with polling(redis_url) as worker, main_of(worker) as running:
        worker.tasks["failed"] = asyncio.create_task(fail())

        with pytest.raises(ZeroDivisionError):
            await running

        assert worker.tasks == {}, "so that main can be started again"


async def test_poll_writes_the_health_key_with_a_lifetime(redis: Redis, redis_url: str) -> None:
    async with polling(redis_url) as worker:
        await worker._poll_iteration()

        assert await redis.ttl(worker.health_check_key) > 0


async def test_run_job_leaves_no_key_of_arq(redis: Redis, jobs: Jobs, lane: LaneWorker, recorder: Recorder) -> None:
    recorder.gate.set()
    await jobs.queued()

    await lane._poll_iteration()
    await asyncio.gather(*lane.tasks.values())

    assert await redis.keys("arq:*") == []
    assert [name async for name in redis.scan_iter(f"{QUEUE}*")] == [lane.health_check_key.encode()]


def test_worker_without_functions_is_refused() -> None:
    with pytest.raises(RuntimeError, match="at least one function"):
        Worker(functions=[])


async def test_semaphore_has_room_for_all_slots(lane: LaneWorker) -> None:
    assert lane.sem is not None
    assert (lane.max_jobs, lane.job_counter) == (SLOTS, 0)
    assert lane.sem._value >= SLOTS


@pytest.mark.parametrize(
    ("method", "is_coroutine", "parameters"),
    [
        (Worker.main, True, ["self"]),
        (Worker.start_jobs, True, ["self", "job_ids"]),
        (Worker._release_sem_dec_counter_on_complete, False, ["self"]),
    ],
    ids=["main", "start_jobs", "_release_sem_dec_counter_on_complete"],
)
def test_overridden_and_called_methods_take_what_they_took(
    method: Callable[..., object], is_coroutine: bool, parameters: list[str]
) -> None:
    assert inspect.iscoroutinefunction(method) is is_coroutine
    assert list(inspect.signature(method).parameters) == parameters


async def test_lane_leaves_signals_alone(redis_url: str) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]

    async with idle_lane(redis_url, Recorder().run_claim):
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_worker_reads_its_pace_and_its_permission_from_attributes() -> None:
    source = inspect.getsource(Worker)

    for attribute in ("self.poll_delay_s", "self.allow_pick_jobs", "self.queue_read_limit", "self.health_check_key"):
        assert attribute in source
