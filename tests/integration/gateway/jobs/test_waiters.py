"""Waiting for a job's end: by notice, by check, on one connection, and without leaving anything behind."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from gateway.jobs import waiters as module
from gateway.jobs.unserved import UnservedJobs
from gateway.jobs.waiters import JobWaiters, NoEnd
from shared.models import JobId, JobState
from shared.redis import redis_connection
from shared.store import key_names
from shared.store.attempts import Ending
from shared.store.job_store import ANY_TIME_MS, CancelScope, JobStore, StoredJob
from shared.store.scripts import NOTICE_BYTES
from shared.store.workers import WorkerRegistry
from tests.integration.gateway import served
from tests.support import jobs
from tests.support.jobs import PAST_MS, Jobs
from tests.support.valkey import Valkey, long_lived
from tests.support.waiting import wait_until

NEVER_S = 3_600.0
SOON_S = 0.05


@pytest.fixture(scope="module")
def valkey() -> Iterator[Valkey]:
    """Without the session's gateway, whose own subscriptions would be counted here."""
    with long_lived() as server:
        yield server


class CountingStore(JobStore):
    """Counts the reads of jobs."""

    reads = 0

    async def read(self, job_ids: Sequence[JobId]) -> list[StoredJob | None]:
        self.reads += 1
        return await super().read(job_ids)


@asynccontextmanager
async def running(redis: Redis, *, in_contact: bool = True, store: JobStore | None = None) -> AsyncIterator[JobWaiters]:
    """Waiters that listen already."""
    store = store or JobStore(redis)
    waiters = JobWaiters(store, redis, UnservedJobs(store, WorkerRegistry(redis), lambda: in_contact))
    task = asyncio.create_task(waiters.run(), name="waiters")
    try:
        await _has_heard(redis, waiters)
        yield waiters
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _is_subscribed(redis: Redis, waiters: JobWaiters) -> bool:
    return key_names.gateway(waiters.gateway_id).encode() in await redis.pubsub_channels()


async def _has_heard(redis: Redis, waiters: JobWaiters) -> None:
    """Returns when notices arrive, so that the first look at all jobs, after the subscription, is over too."""
    async with waiters._followers.woken(jobs.new_job_id()) as (event, _):
        [job_id] = waiters._followers.job_ids
        await wait_until(lambda: _is_subscribed(redis, waiters))
        await redis.publish(key_names.gateway(waiters.gateway_id), job_id)
        await event.wait()


@pytest.fixture
def no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only notices end a wait."""
    monkeypatch.setattr(module, "CHECK_INTERVAL_S", NEVER_S)


@pytest.fixture
def fast_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECK_INTERVAL_S", 0.01)


def state(end: object) -> JobState:
    assert isinstance(end, StoredJob), end
    return end.record.state


@pytest.mark.usefixtures("no_check")
async def test_notice_ends_the_wait_for_a_job_of_any_gateway_and_nothing_is_read(redis: Redis) -> None:
    attempt, store = await Jobs(redis).running(), CountingStore(redis)
    async with running(redis, store=store) as waiters, waiters.watch(attempt.job_id) as watch:
        await store.settle(attempt, jobs.ending())
        end = await watch.ended(None)
    assert store.reads == 0
    assert end == await Jobs(redis).stored(attempt.job_id)


@pytest.mark.usefixtures("no_check")
async def test_response_that_is_too_long_for_a_notice_is_read(redis: Redis) -> None:
    attempt, store = await Jobs(redis).running(), CountingStore(redis)
    response = b"x" * (NOTICE_BYTES + 1)
    async with running(redis, store=store) as waiters, waiters.watch(attempt.job_id) as watch:
        await store.settle(attempt, Ending(JobState.SUCCEEDED, "", response))
        end = await watch.ended(None)
    assert isinstance(end, StoredJob)
    assert (end.response, store.reads) == (response, 1)


@pytest.mark.usefixtures("no_check")
async def test_new_job_is_not_read_before_it_is_submitted_and_its_end_is_heard(redis: Redis) -> None:
    job, store = jobs.new_job(), CountingStore(redis)
    async with running(redis, store=store) as waiters, waiters.watch(job.id, is_new=True) as watch:
        await store.submit(job, demands_worker=False, queue_limit=1, watcher=waiters.gateway_id)
        watch.is_submitted = True
        await store.cancel(job.id, reason="", scope=CancelScope.ANY)
        assert state(await watch.ended(None)) is JobState.CANCELLED
    assert store.reads == 0


@pytest.mark.usefixtures("no_check")
async def test_job_that_has_ended_before_is_seen_at_once(redis: Redis) -> None:
    attempt = await Jobs(redis).finished()
    async with running(redis) as waiters, waiters.watch(attempt.job_id) as watch:
        assert state(await watch.ended(0)) is JobState.SUCCEEDED


@pytest.mark.usefixtures("no_check")
async def test_end_that_no_replica_has_acknowledged_yet_is_told_when_one_has(redis: Redis) -> None:
    attempt, store = await Jobs(redis).finished(), JobStore(redis)
    await served.change_record(redis, attempt.job_id, untold="1")
    async with running(redis) as waiters, waiters.watch(attempt.job_id) as watch:
        assert await watch.ended(0) is None
        await store._scripts.call("tell", attempt.job_id)
        assert state(await watch.ended(None)) is JobState.SUCCEEDED


@pytest.mark.usefixtures("fast_check")
async def test_end_counts_after_a_while_if_its_worker_never_tells_it(redis: Redis) -> None:
    attempt = await Jobs(redis).finished()
    await served.change_record(redis, attempt.job_id, untold="1")
    async with running(redis) as waiters, waiters.watch(attempt.job_id) as watch:
        assert await watch.ended(0) is None
        await served.change_record(redis, attempt.job_id, ended_at=str(PAST_MS))
        assert state(await watch.ended(None)) is JobState.SUCCEEDED


@pytest.mark.usefixtures("no_check")
async def test_end_that_came_while_the_subscription_was_lost_is_found_when_it_is_back(redis: Redis) -> None:
    job_id = await Jobs(redis).queued()
    async with running(redis) as waiters, waiters.watch(job_id) as watch:
        await served.change_record(redis, job_id, state="succeeded", ended_at="1")
        assert await watch.ended(0) is None, "nobody was told"
        await redis.client_kill_filter(_type="pubsub", skipme=True)
        assert state(await watch.ended(None)) is JobState.SUCCEEDED


@pytest.mark.usefixtures("no_check")
async def test_follower_is_woken_by_a_change_of_its_job_alone(redis: Redis) -> None:
    followed, other = [await Jobs(redis).queued() for _ in range(2)]
    async with running(redis) as waiters, waiters.follow(followed) as event, waiters.follow(other) as silent:
        await Jobs(redis).claimed(followed)
        await event.wait()
        assert not silent.is_set()


@pytest.mark.usefixtures("fast_check")
async def test_job_that_nobody_follows_any_more_is_told_to_this_gateway_no_longer(redis: Redis) -> None:
    job_id = await Jobs(redis).queued()
    followers = key_names.FOLLOWERS + job_id
    async with running(redis) as waiters:
        async with waiters.follow(job_id):
            async with waiters.follow(job_id):
                pass
            assert await redis.exists(followers)

        async def is_forgotten() -> bool:
            return not await redis.exists(followers)

        await wait_until(is_forgotten)


class ForgetfulStore(JobStore):
    """Fails to end that a job is followed, the first few times."""

    failures = 3

    async def unfollow(self, job_ids: Sequence[JobId], gateway_id: str) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError
        await super().unfollow(job_ids, gateway_id)


@pytest.mark.usefixtures("fast_check")
async def test_job_that_could_not_be_left_is_left_later_and_does_not_stop_the_checks(redis: Redis) -> None:
    followed, watched, store = await Jobs(redis).queued(), await Jobs(redis).queued(), ForgetfulStore(redis)
    with capture_logs() as logs:
        async with running(redis, store=store) as waiters, waiters.watch(watched) as watch:
            async with waiters.follow(followed):
                pass
            await served.change_record(redis, watched, state="succeeded", ended_at="1")
            assert state(await watch.ended(None)) is JobState.SUCCEEDED

            async def is_forgotten() -> bool:
                return not await redis.exists(key_names.FOLLOWERS + followed)

            await wait_until(is_forgotten)
    assert {entry["event"] for entry in logs} == {"jobs still followed"}, "no loop was started again"


@pytest.mark.usefixtures("no_check")
async def test_second_waiter_of_a_job_sees_an_end_that_has_been_noticed_before(redis: Redis) -> None:
    attempt = await Jobs(redis).running()
    async with running(redis) as waiters, waiters.watch(attempt.job_id) as first:
        await JobStore(redis).settle(attempt, jobs.ending())
        await first.ended(None)
        async with waiters.watch(attempt.job_id) as second:
            assert state(await second.ended(None)) is JobState.SUCCEEDED


@pytest.mark.usefixtures("no_check")
async def test_start_of_a_job_ends_no_wait(redis: Redis) -> None:
    job_id = await Jobs(redis).queued()
    async with running(redis) as waiters, waiters.watch(job_id) as watch:
        attempt = (await Jobs(redis).claimed(job_id)).attempt
        assert await watch.ended(SOON_S) is None
        await JobStore(redis).settle(attempt, jobs.ending())
        assert state(await watch.ended(None)) is JobState.SUCCEEDED


@pytest.mark.usefixtures("fast_check")
async def test_end_whose_notice_was_lost_is_found_by_the_check(redis: Redis) -> None:
    job_id = await Jobs(redis).queued()
    async with running(redis) as waiters, waiters.watch(job_id) as watch:
        await served.change_record(redis, job_id, state="succeeded", ended_at="1")
        assert state(await watch.ended(None)) is JobState.SUCCEEDED


@pytest.mark.usefixtures("fast_check")
async def test_job_that_is_gone_ends_the_wait(redis: Redis) -> None:
    job_id = await Jobs(redis).queued()
    async with running(redis) as waiters, waiters.watch(job_id) as watch:
        await redis.delete(key_names.JOB + job_id)
        assert await watch.ended(None) is NoEnd.GONE


@pytest.mark.usefixtures("fast_check")
async def test_job_that_is_only_being_submitted_is_not_gone(redis: Redis) -> None:
    job = jobs.new_job()
    store = JobStore(redis)
    async with running(redis) as waiters, waiters.watch(job.id, is_new=True) as watch:
        async with waiters.watch(jobs.new_job_id()) as other:
            assert await other.ended(None) is NoEnd.GONE, "by now it would be, too"
        await store.submit(job, demands_worker=False, queue_limit=1)
        watch.is_submitted = True
        await store.cancel(job.id, reason="", scope=CancelScope.ANY)
        assert state(await watch.ended(None)) is JobState.CANCELLED


@pytest.mark.usefixtures("fast_check")
async def test_queued_job_whose_last_worker_died_is_cancelled_for_who_demands_one(redis: Redis) -> None:
    job_id = await Jobs(redis).queued()
    async with running(redis) as waiters, waiters.watch(job_id) as looking:
        async with waiters.watch(job_id, demanded_tool="kubectl") as watch:
            assert await watch.ended(None) is NoEnd.NO_WORKER
        assert state(await looking.ended(None)) is JobState.CANCELLED


@pytest.mark.usefixtures("fast_check")
@pytest.mark.parametrize("case", ["running", "worker lives", "no contact", "nobody demands one"])
async def test_job_that_may_still_be_run_is_waited_for(redis: Redis, case: str) -> None:
    job_id = await Jobs(redis).queued()
    claim = await Jobs(redis).claimed(job_id) if case == "running" else None
    if case == "worker lives":
        await redis.zadd(key_names.WORKERS, {"worker kubectl": ANY_TIME_MS})
    tool = None if case == "nobody demands one" else "kubectl"
    async with (
        running(redis, in_contact=case != "no contact") as waiters,
        waiters.watch(job_id, demanded_tool=tool) as watch,
        waiters.watch(jobs.new_job_id()) as other,
    ):
        assert await other.ended(None) is NoEnd.GONE, "after several checks"
        claim = claim or await Jobs(redis).claimed(job_id)
        await JobStore(redis).settle(claim.attempt, jobs.ending())
        assert state(await watch.ended(None)) is JobState.SUCCEEDED


async def test_wait_ends_when_its_time_is_over(redis: Redis) -> None:
    job_id = await Jobs(redis).queued()
    async with running(redis) as waiters, waiters.watch(job_id) as watch:
        assert await watch.ended(SOON_S) is None


async def test_all_waiters_share_one_connection(redis: Redis) -> None:
    job_ids = [await Jobs(redis).queued() for _ in range(50)]
    async with running(redis) as waiters, AsyncExitStack() as stack:
        for job_id in job_ids:
            await stack.enter_async_context(waiters.watch(job_id))
        assert len(await redis.client_list(_type="pubsub")) == 1
        assert waiters.waiting == len(job_ids)


async def test_each_of_many_waiters_sees_its_own_job_end(redis: Redis) -> None:
    attempts = [await Jobs(redis).running() for _ in range(50)]
    async with running(redis) as waiters, asyncio.TaskGroup() as group:

        async def wait(job_id: JobId) -> JobId:
            async with waiters.watch(job_id) as watch:
                end = await watch.ended(None)
            assert isinstance(end, StoredJob)
            return end.record.id

        waits = [group.create_task(wait(attempt.job_id)) for attempt in attempts]
        for attempt in reversed(attempts):
            await JobStore(redis).settle(attempt, jobs.ending())
        assert [await each for each in waits] == [attempt.job_id for attempt in attempts]


async def test_waiter_that_is_cancelled_leaves_nothing_behind(redis: Redis) -> None:
    """Cancelled at its very first step too, which is when it asks for notices."""
    job_id = await Jobs(redis).queued()
    async with running(redis) as waiters:

        async def wait() -> None:
            async with waiters.watch(job_id) as watch:
                await watch.ended(None)

        for steps in range(6):
            task = asyncio.create_task(wait())
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
            assert waiters.waiting == 0


async def test_release_ends_all_waits_now_and_later(redis: Redis) -> None:
    first, second, later = [await Jobs(redis).queued() for _ in range(3)]
    async with running(redis) as waiters, waiters.watch(first) as one, waiters.watch(second) as two:
        waiters.release()
        assert [await one.ended(None), await two.ended(None)] == [NoEnd.DRAINING] * 2
        async with waiters.watch(later) as three:
            assert await three.ended(None) is NoEnd.DRAINING


async def test_wait_goes_on_through_a_restart_of_redis(own_valkey: Valkey) -> None:
    """Watched before, submitted and ended after: by check at first, and on a subscription that was renewed."""
    redis = redis_connection.gateway_client(own_valkey.address)
    try:
        attempt = await Jobs(redis).running()
        async with running(redis) as waiters, waiters.watch(attempt.job_id) as watch:
            own_valkey.restart()
            await wait_until(lambda: _is_subscribed(redis, waiters))
            await JobStore(redis).settle(attempt, jobs.ending())
            assert state(await watch.ended(None)) is JobState.SUCCEEDED
    finally:
        await redis.aclose()


@pytest.mark.usefixtures("no_check")
async def test_notices_are_heard_again_after_a_restart_of_redis(own_valkey: Valkey) -> None:
    redis = redis_connection.gateway_client(own_valkey.address)
    try:
        attempt = await Jobs(redis).running()
        async with running(redis) as waiters:
            own_valkey.restart()
            await wait_until(lambda: _is_subscribed(redis, waiters))
            async with waiters.watch(attempt.job_id) as watch:
                await JobStore(redis).settle(attempt, jobs.ending())
                assert state(await watch.ended(None)) is JobState.SUCCEEDED
    finally:
        await redis.aclose()


async def test_wait_that_begins_without_redis_ends_when_it_is_back(own_valkey: Valkey) -> None:
    redis = redis_connection.gateway_client(own_valkey.address)
    try:
        attempt = await Jobs(redis).finished()
        async with running(redis) as waiters:
            own_valkey.kill()
            async with waiters.watch(attempt.job_id) as watch:
                assert await watch.ended(SOON_S) is None
                own_valkey.start()
                assert state(await watch.ended(None)) is JobState.SUCCEEDED
    finally:
        await redis.aclose()
