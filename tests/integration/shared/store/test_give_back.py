"""A worker gives back taken jobs whose commands it has not started, because no replica knows of the claims."""

import pytest
from redis.asyncio import Redis

from shared.models import CommandClass, JobState, Lane
from shared.store import key_names
from shared.store.attempts import Renewal
from shared.store.job_store import CancelScope
from tests.support.channels import recorded
from tests.support.jobs import REQUEST, TOOL, Jobs, attempt_on, ending

GATEWAY = "gateway-1"


@pytest.mark.parametrize("lane", Lane)
async def test_given_back_job_is_queued_as_if_it_had_not_been_taken(redis: Redis, jobs: Jobs, lane: Lane) -> None:
    attempt = await jobs.running(lane=lane, command_class=CommandClass.WRITE)
    await redis.delete(key_names.wake(lane, TOOL))

    await jobs.store.give_back([attempt])

    record = (await jobs.stored(attempt.job_id)).record
    assert (record.state, record.attempt, record.started_at) == (JobState.QUEUED, 0, None)
    assert await redis.zscore(key_names.LEASES, attempt.job_id) is None
    assert await redis.zscore(key_names.QUEUED + lane, attempt.job_id) == record.queue_deadline.timestamp() * 1000
    assert await jobs.wake_tokens(lane) == [attempt.job_id]
    assert (await jobs.claimed(attempt.job_id)).request == REQUEST


async def test_followers_are_told_that_the_job_is_queued_again(redis: Redis, jobs: Jobs) -> None:
    attempt = await jobs.running()
    await jobs.store.follow(attempt.job_id, GATEWAY)

    async with recorded(redis, key_names.gateway(GATEWAY)) as messages:
        await jobs.store.give_back([attempt])

        assert await messages() == [attempt.job_id]


async def test_given_back_job_comes_before_those_that_wait(jobs: Jobs) -> None:
    first, *others = [await jobs.queued(share="a") for _ in range(4)]
    attempt = (await jobs.claimed(first)).attempt

    await jobs.store.give_back([attempt])

    assert set(await jobs.taken(most=2)) == {first, others[0]}


async def test_second_attempt_that_is_given_back_stays_the_last_one(jobs: Jobs) -> None:
    first = await jobs.running()
    await jobs.let_lease_end(first.job_id)
    await jobs.store.sweep(settle_leases=True)
    await jobs.store.give_back([(await jobs.claimed(first.job_id)).attempt])

    again = await jobs.claimed(first.job_id)

    assert again.record.attempt == 2
    await jobs.let_lease_end(first.job_id)
    assert (await jobs.store.sweep(settle_leases=True)).lost == 1


async def test_attempt_that_does_not_hold_gives_nothing_back(redis: Redis, jobs: Jobs) -> None:
    running, finished, queued = await jobs.running(), await jobs.finished(), await jobs.queued()
    await jobs.store.cancel(cancelled := await jobs.queued(), reason="", scope=CancelScope.ANY)
    job_ids = [running.job_id, finished.job_id, queued, cancelled]
    before = await jobs.store.read(job_ids)

    await jobs.store.give_back([finished, *(attempt_on(job_id) for job_id in job_ids)])

    assert await jobs.store.read(job_ids) == before
    assert (await jobs.store.renew([running])).answers == [Renewal.HELD]
    assert await redis.zrange(key_names.queue(Lane.FAST), 0, -1) == [queued.encode()]


async def test_jobs_may_be_given_back_twice_because_an_answer_may_be_lost(jobs: Jobs) -> None:
    attempts = [await jobs.running() for _ in range(2)]

    for _ in range(2):
        await jobs.store.give_back(attempts)

    assert {(await jobs.stored(attempt.job_id)).record.attempt for attempt in attempts} == {0}
    assert set(await jobs.taken()) == {attempt.job_id for attempt in attempts}


async def test_attempt_that_was_given_back_writes_nothing(jobs: Jobs) -> None:
    attempt = await jobs.running()
    await jobs.store.give_back([attempt])

    assert not await jobs.store.settle(attempt, ending())
    assert await jobs.state(attempt.job_id) is JobState.QUEUED


async def test_job_that_was_cancelled_while_it_was_taken_ends_instead_of_going_back(jobs: Jobs) -> None:
    attempt = await jobs.running()
    await jobs.store.cancel(attempt.job_id, reason="by request", scope=CancelScope.ANY)

    await jobs.store.give_back([attempt])

    record = (await jobs.stored(attempt.job_id)).record
    assert (record.state, record.reason) == (JobState.CANCELLED, "by request")
    assert await jobs.taken() == []
