"""How many bytes all jobs take in Redis together, and the refusal of new jobs when that is too much."""

import time

import pytest
from redis.asyncio import Redis

from shared.models import JobState
from shared.store import key_names
from shared.store.attempts import Ending, SealedEvent
from shared.store.job_store import JobStore
from shared.store.scripts import ENTRY_BYTES
from shared.store.submits import Accepted, SubmitRefusal
from tests.support.jobs import PAST_MS, QUEUE_LIMIT, REQUEST, RESPONSE, RETENTION_S, Jobs, ending, new_job

TOTAL = "total"
EVENT = b"sealed event"
EVENT_BYTES = len(EVENT) + ENTRY_BYTES


async def fields(redis: Redis) -> dict[str, int]:
    async with redis.pipeline() as pipe:
        pipe.hgetall(key_names.STORED)
        [found] = await pipe.execute()
    return {name.decode(): int(value) for name, value in found.items()}


async def counted(redis: Redis) -> int:
    """The known sum, which must be that of the minutes."""
    minutes = await fields(redis)
    total = minutes.pop(TOTAL, 0)
    assert total == sum(minutes.values())
    return total


async def submitted(store: JobStore, *, budget: int, request: bytes = REQUEST) -> object:
    return await store.submit(
        new_job(request=request), demands_worker=False, queue_limit=QUEUE_LIMIT, output_budget_bytes=budget
    )


async def printed(jobs: Jobs, *, count: int) -> None:
    """One job that has printed and ended."""
    attempt = await jobs.running()
    await jobs.store.append(attempt, [SealedEvent(number, EVENT) for number in range(1, count + 1)])
    await jobs.store.settle(attempt, ending())


async def test_request_output_and_response_count_until_they_expire(redis: Redis, jobs: Jobs) -> None:
    attempt = await jobs.running()
    after_submit = await counted(redis)
    await jobs.store.append(attempt, [SealedEvent(1, EVENT), SealedEvent(2, EVENT)])
    after_append = await counted(redis)
    await jobs.store.settle(attempt, Ending(JobState.SUCCEEDED, "", RESPONSE, [SealedEvent(3, EVENT)]))

    assert after_submit == len(REQUEST)
    assert after_append == len(REQUEST) + 2 * EVENT_BYTES
    assert await counted(redis) == 3 * EVENT_BYTES + len(RESPONSE)


async def test_what_is_sent_again_counts_once(redis: Redis, jobs: Jobs) -> None:
    job = new_job()
    for _ in range(2):
        await jobs.store.submit(job, demands_worker=False, queue_limit=QUEUE_LIMIT)
    attempt = (await jobs.claimed(job.id)).attempt
    for _ in range(2):
        await jobs.store.append(attempt, [SealedEvent(1, EVENT)])
    for _ in range(2):
        await jobs.store.settle(attempt, ending())

    assert await counted(redis) == EVENT_BYTES + len(RESPONSE)


@pytest.mark.parametrize("when", ["queued", "running"])
async def test_job_that_ends_from_outside_leaves_only_its_output(redis: Redis, jobs: Jobs, when: str) -> None:
    job_id = await jobs.queued()
    if when == "running":
        attempt = (await jobs.claimed(job_id)).attempt
        await jobs.store.append(attempt, [SealedEvent(1, EVENT)])
        await _set(redis, key_names.JOB + job_id, "class", "write")
        await redis.zadd(key_names.LEASES, {job_id: PAST_MS})
    else:
        await redis.zadd(key_names.QUEUED + "fast", {job_id: PAST_MS})
    await jobs.store.sweep(settle_leases=True)

    assert (await jobs.stored(job_id)).record.state in (JobState.EXPIRED, JobState.LOST)
    assert await counted(redis) == (EVENT_BYTES if when == "running" else 0)


async def test_read_that_is_queued_again_counts_only_its_request(redis: Redis, jobs: Jobs) -> None:
    attempt = await jobs.running()
    await jobs.store.append(attempt, [SealedEvent(1, EVENT)])
    await redis.zadd(key_names.LEASES, {attempt.job_id: PAST_MS})
    await jobs.store.sweep(settle_leases=True)

    assert (await jobs.stored(attempt.job_id)).record.state is JobState.QUEUED
    assert await counted(redis) == len(REQUEST)


async def test_new_jobs_are_refused_beyond_the_budget(jobs: Jobs) -> None:
    await printed(jobs, count=10)
    used = 10 * EVENT_BYTES + len(RESPONSE)

    assert await submitted(jobs.store, budget=used + len(REQUEST) - 1) is SubmitRefusal.OUTPUT_FULL
    assert isinstance(await submitted(jobs.store, budget=used + len(REQUEST)), Accepted)


async def test_without_a_budget_nothing_is_refused(jobs: Jobs) -> None:
    await printed(jobs, count=10)

    assert isinstance(await submitted(jobs.store, budget=0), Accepted)


async def test_queued_requests_count_too(jobs: Jobs) -> None:
    assert isinstance(await submitted(jobs.store, budget=1_000, request=b"x" * 900), Accepted)
    assert await submitted(jobs.store, budget=1_000, request=b"x" * 200) is SubmitRefusal.OUTPUT_FULL


async def test_repeated_submit_is_answered_when_nothing_new_would_be(jobs: Jobs) -> None:
    job = new_job()
    first = await jobs.store.submit(job, demands_worker=False, queue_limit=QUEUE_LIMIT)

    assert await jobs.store.submit(job, demands_worker=False, queue_limit=QUEUE_LIMIT, output_budget_bytes=1) == first


async def test_output_that_has_expired_makes_room(redis: Redis, jobs: Jobs) -> None:
    await printed(jobs, count=10)
    await _let_pass(redis)

    assert isinstance(await submitted(jobs.store, budget=len(REQUEST)), Accepted)
    assert await counted(redis) == len(REQUEST)


async def test_wrong_sum_is_corrected_before_a_job_is_refused(redis: Redis, jobs: Jobs) -> None:
    await _set(redis, key_names.STORED, TOTAL, str(10**12))

    assert isinstance(await submitted(jobs.store, budget=1_000), Accepted)
    assert await counted(redis) == len(REQUEST)


async def test_sweep_forgets_minutes_that_have_passed(redis: Redis, jobs: Jobs) -> None:
    await printed(jobs, count=1)
    await _let_pass(redis)
    await jobs.store.sweep(settle_leases=False)

    assert await counted(redis) == 0
    assert set(await fields(redis)) == {TOTAL}


async def test_count_lives_as_long_as_what_it_counts(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued(queue_wait_s=100, time_limit_s=200.0, retention_s=RETENTION_S)

    assert await redis.ttl(key_names.JOB + job_id) <= await redis.ttl(key_names.STORED) <= RETENTION_S + 500


async def test_job_of_a_version_that_did_not_count_ends_as_ever(redis: Redis, jobs: Jobs) -> None:
    attempt = await jobs.running()
    async with redis.pipeline() as pipe:
        pipe.hdel(key_names.JOB + attempt.job_id, "stored", "expires_in")
        pipe.delete(key_names.STORED)
        await pipe.execute()

    assert await jobs.store.append(attempt, [SealedEvent(1, EVENT)])
    assert await jobs.store.settle(attempt, ending())
    assert await counted(redis) >= 0


async def _let_pass(redis: Redis) -> None:
    """Moves everything that was counted to a minute that has passed."""
    passed = int(time.time() / 60) - 2
    async with redis.pipeline() as pipe:
        for name, value in (await fields(redis)).items():
            if name != TOTAL:
                pipe.hdel(key_names.STORED, name)
                pipe.hincrby(key_names.STORED, str(passed), value)
        await pipe.execute()


async def _set(redis: Redis, key: str, field: str, value: str) -> None:
    async with redis.pipeline() as pipe:
        pipe.hset(key, field, value)
        await pipe.execute()
