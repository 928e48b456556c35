"""A read whose worker was lost is begun once more, and never a third time; anything else is not."""

from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.models import JobState, Lane
from shared.store import key_names
from shared.store.attempts import Attempt, Renewal
from shared.store.job_store import CancelScope
from tests.support.channels import recorded
from tests.support.jobs import REQUEST, RETENTION_S, Jobs, ending, sealed_events

GATEWAY = "gateway-1"
TIME_LIMIT_S = 300
QUEUE_WAIT_S = 900


async def lost(jobs: Jobs, **changes: Any) -> Attempt:
    """A running job whose worker fell silent, swept once."""
    attempt = await jobs.running(**changes)
    await jobs.redis.delete(key_names.wake(Lane.FAST, "kubectl"))
    await jobs.store.append(attempt, sealed_events(1, 2))
    await jobs.let_lease_end(attempt.job_id)
    await jobs.store.sweep(settle_leases=True)
    return attempt


async def test_lost_read_is_queued_again(redis: Redis, jobs: Jobs) -> None:
    attempt = await jobs.running()
    job_id = attempt.job_id
    await redis.delete(key_names.wake(Lane.FAST, "kubectl"))
    await jobs.let_lease_end(job_id)

    await jobs.store.follow(job_id, GATEWAY)

    async with recorded(redis, key_names.gateway(GATEWAY)) as messages:
        sweep = await jobs.store.sweep(settle_leases=True)
        assert await messages() == [job_id]

    assert (sweep.again, sweep.lost) == (1, 0)
    record = (await jobs.stored(job_id)).record
    assert (record.state, record.attempt, record.started_at) == (JobState.QUEUED, 1, None)
    assert record.request_key is not None
    assert await jobs.wake_tokens() == [job_id]
    assert await redis.zrange(key_names.queue(Lane.FAST), 0, -1) == [job_id.encode()]
    assert await redis.zscore(key_names.LEASES, job_id) is None
    assert await redis.zscore(key_names.QUEUED + Lane.FAST, job_id) == record.queue_deadline.timestamp() * 1000


async def test_second_attempt_runs_with_its_request_and_an_empty_stream(redis: Redis, jobs: Jobs) -> None:
    first = await lost(jobs)
    assert await jobs.store.events(first.job_id) == []

    claim = await jobs.claimed(first.job_id)

    assert (claim.request, claim.record.attempt, claim.record.state) == (REQUEST, 2, JobState.RUNNING)
    assert await jobs.store.settle(claim.attempt, ending())
    assert await jobs.state(first.job_id) is JobState.SUCCEEDED


async def test_first_attempt_writes_nothing_any_more(jobs: Jobs) -> None:
    first = await lost(jobs)

    for _ in ("queued", "running"):
        assert (await jobs.store.renew([first])).answers == [Renewal.LOST]
        assert not await jobs.store.append(first, sealed_events(3))
        assert not await jobs.store.settle(first, ending())
        await jobs.taken()
    assert (await jobs.stored(first.job_id)).record.attempt == 2


async def test_read_that_is_lost_twice_stays_lost(jobs: Jobs) -> None:
    first = await lost(jobs)
    await jobs.claimed(first.job_id)
    await jobs.let_lease_end(first.job_id)

    sweep = await jobs.store.sweep(settle_leases=True)

    assert (sweep.again, sweep.lost) == (0, 1)
    assert await jobs.state(first.job_id) is JobState.LOST


async def test_read_that_has_changed_something_is_not_begun_again(jobs: Jobs) -> None:
    attempt = await jobs.running()
    [event] = sealed_events(1)
    assert await jobs.store.note(attempt, [replace(event, change=1)], even_if_full=False)
    await jobs.let_lease_end(attempt.job_id)

    sweep = await jobs.store.sweep(settle_leases=True)

    assert (sweep.again, sweep.lost) == (0, 1)
    assert await jobs.store.changes(attempt.job_id) == {1: 1}


async def test_read_that_somebody_has_cancelled_is_not_begun_again(jobs: Jobs) -> None:
    attempt = await jobs.running()
    await jobs.store.cancel(attempt.job_id, reason="enough", scope=CancelScope.ANY)
    await jobs.let_lease_end(attempt.job_id)

    await jobs.store.sweep(settle_leases=True)

    assert await jobs.state(attempt.job_id) is JobState.LOST


@pytest.mark.parametrize("missing", [key_names.REQUEST, "time"])
async def test_read_that_can_no_longer_be_opened_is_lost(redis: Redis, jobs: Jobs, missing: str) -> None:
    attempt = await jobs.running()
    async with redis.pipeline() as pipe:
        if missing == key_names.REQUEST:
            pipe.delete(key_names.REQUEST + attempt.job_id)
        else:
            pipe.hset(key_names.JOB + attempt.job_id, mapping={"created_at": "1", "queue_deadline": "2"})
        await pipe.execute()
    await jobs.let_lease_end(attempt.job_id)

    await jobs.store.sweep(settle_leases=True)

    assert await jobs.state(attempt.job_id) is JobState.LOST


async def test_second_wait_ends_before_the_request_can_no_longer_be_opened(redis: Redis, jobs: Jobs) -> None:
    first = await jobs.running(queue_wait_s=QUEUE_WAIT_S, time_limit_s=float(TIME_LIMIT_S))
    created = (await jobs.stored(first.job_id)).record.created_at
    long_ago_ms = int(created.timestamp() * 1000) - (QUEUE_WAIT_S + TIME_LIMIT_S - 10) * 1000
    async with redis.pipeline() as pipe:
        changes = {"created_at": str(long_ago_ms), "queue_deadline": str(long_ago_ms + QUEUE_WAIT_S * 1000)}
        pipe.hset(key_names.JOB + first.job_id, mapping=changes)
        await pipe.execute()
    await jobs.let_lease_end(first.job_id)

    await jobs.store.sweep(settle_leases=True)

    left_s = ((await jobs.stored(first.job_id)).record.queue_deadline - created).total_seconds()
    assert 9 <= left_s <= 10
    for prefix in (key_names.JOB, key_names.REQUEST):
        assert await redis.ttl(prefix + first.job_id) >= TIME_LIMIT_S + RETENTION_S


async def test_second_wait_that_is_over_expires(jobs: Jobs) -> None:
    first = await lost(jobs)
    await jobs.let_queue_wait_end(first.job_id)

    assert (await jobs.store.sweep(settle_leases=True)).expired == 1
    assert await jobs.state(first.job_id) is JobState.EXPIRED


async def test_second_attempt_comes_before_the_jobs_that_wait(jobs: Jobs) -> None:
    waiting = [await jobs.queued(share="a") for _ in range(5)]
    assert await jobs.taken(most=2) == waiting[:2]
    await jobs.let_lease_end(waiting[0])

    await jobs.store.sweep(settle_leases=True)

    assert await jobs.taken(most=1) == waiting[:1]
