"""A command that is sent again: the job that it is already, while that runs or for as long as nobody got its result."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from shared.models import CommandClass, JobId, JobState, Lane
from shared.store import key_names
from shared.store.job_store import CancelScope, Delivered
from shared.store.scripts import UNDELIVERED_S
from shared.store.submits import Accepted, Busy, Same, SubmitRefusal
from tests.support.jobs import QUEUE_LIMIT, Jobs, ending, new_job, new_job_id

NAME = "keyed-hash"
WRITE: dict[str, Any] = {"command_class": CommandClass.WRITE, "lane": Lane.SLOW, "repeatable": (NAME,)}


async def again(jobs: Jobs, **changes: Any) -> Accepted | Same | Busy | SubmitRefusal:
    """The same command from another call."""
    return await jobs.store.submit(new_job(**{**WRITE, **changes}), demands_worker=True, queue_limit=0)


async def same(jobs: Jobs, job_id: JobId) -> Same:
    stored = (await jobs.stored(job_id)).record
    return Same(job_id, stored.created_at, stored.state)


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
async def test_command_on_its_way_is_joined_whatever_would_refuse_a_new_one(jobs: Jobs, state: JobState) -> None:
    job_id = await jobs.queued(**WRITE, exclusive=("release",))
    if state is JobState.RUNNING:
        await jobs.claimed(job_id)

    answer = await again(jobs, exclusive=("release",), principal_limit=1)

    assert answer == await same(jobs, job_id)
    assert isinstance(answer, Same)
    assert answer.state is state


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED, JobState.TIMED_OUT, JobState.LOST])
async def test_result_waits_for_a_while_for_who_did_not_get_it(redis: Redis, jobs: Jobs, state: JobState) -> None:
    job_id = (await jobs.finished(state, **WRITE)).job_id

    assert await again(jobs) == await same(jobs, job_id)
    assert 0 < await redis.ttl(key_names.REPEATABLE + NAME) <= UNDELIVERED_S


async def test_command_is_found_by_each_of_its_names(redis: Redis, jobs: Jobs) -> None:
    """One by each master key, while keys are exchanged."""
    job_id = await jobs.queued(**{**WRITE, "repeatable": (NAME, "by-the-new-key")})

    assert await again(jobs, repeatable=("by-the-new-key",)) == await same(jobs, job_id)
    assert await again(jobs) == await same(jobs, job_id)
    await jobs.store.cancel(job_id, reason="", scope=CancelScope.ANY)
    assert not await redis.exists(key_names.REPEATABLE + NAME, f"{key_names.REPEATABLE}by-the-new-key")


async def test_delivered_result_is_not_given_again(redis: Redis, jobs: Jobs) -> None:
    job_id = (await jobs.finished(**WRITE)).job_id
    await jobs.store.deliver(job_id, job_id, Delivered.RESULT)

    second = await jobs.queued(**WRITE)

    assert second != job_id
    await jobs.store.deliver(job_id, None, Delivered.RESULT)
    assert await redis.get(key_names.REPEATABLE + NAME) == second.encode()


async def test_what_never_ran_or_was_cancelled_is_begun_anew(redis: Redis, jobs: Jobs) -> None:
    await jobs.store.cancel(await jobs.queued(**WRITE), reason="", scope=CancelScope.ANY)
    assert await redis.exists(key_names.REPEATABLE + NAME) == 0
    await jobs.let_queue_wait_end(await jobs.queued(**WRITE))
    await jobs.store.sweep(settle_leases=False)

    assert await jobs.state(await jobs.queued(**WRITE)) is JobState.QUEUED


async def test_job_that_redis_lost_is_begun_anew(redis: Redis, jobs: Jobs) -> None:
    await redis.delete(key_names.JOB + await jobs.queued(**WRITE))

    assert await jobs.state(await jobs.queued(**WRITE)) is JobState.QUEUED


async def test_joined_job_is_abandoned_by_the_last_who_waits(jobs: Jobs) -> None:
    job_id = await jobs.queued(**WRITE)
    second = new_job_id()
    await again(jobs, id=second)

    for _ in range(2):  # an answer may be lost, and the call be sent again
        await jobs.store.deliver(job_id, job_id, Delivered.NOTHING, reason="nobody waits")
    assert await jobs.state(job_id) is JobState.QUEUED
    await jobs.store.deliver(job_id, second, Delivered.NOTHING, reason="nobody waits")
    assert await jobs.state(job_id) is JobState.CANCELLED


async def test_job_whose_id_is_out_is_not_abandoned(jobs: Jobs) -> None:
    job_id = await jobs.queued(**WRITE)
    await jobs.store.deliver(job_id, job_id, Delivered.ID)
    second = new_job_id()
    await again(jobs, id=second)

    await jobs.store.deliver(job_id, second, Delivered.NOTHING, reason="nobody waits")

    assert await jobs.state(job_id) is JobState.QUEUED


async def test_result_waits_for_each_who_joined_and_missed_it(jobs: Jobs) -> None:
    attempt = await jobs.running(**WRITE)
    job_id, second = attempt.job_id, new_job_id()
    await again(jobs, id=second)
    await jobs.store.deliver(job_id, second, Delivered.NOTHING)
    await jobs.store.settle(attempt, ending())
    await jobs.store.deliver(job_id, job_id, Delivered.RESULT)

    third = new_job_id()
    assert await again(jobs, id=third) == await same(jobs, job_id)
    await jobs.store.deliver(job_id, third, Delivered.RESULT)
    assert await jobs.queued(**WRITE) != job_id


async def test_result_that_did_not_arrive_is_given_again(redis: Redis, jobs: Jobs) -> None:
    job_id = (await jobs.finished(**WRITE)).job_id
    await jobs.store.deliver(job_id, job_id, Delivered.RESULT)
    await jobs.store.deliver(job_id, job_id, Delivered.NOTHING)

    assert await again(jobs) == await same(jobs, job_id)
    assert 0 < await redis.ttl(key_names.REPEATABLE + NAME) <= UNDELIVERED_S


async def test_same_job_submitted_again_is_itself(jobs: Jobs) -> None:
    """An answer was lost on the way: nobody else has sent it."""
    job = new_job(**WRITE)
    answers = [await jobs.store.submit(job, demands_worker=False, queue_limit=QUEUE_LIMIT) for _ in range(2)]

    assert answers[0] == answers[1]
    assert isinstance(answers[1], Accepted)


async def test_of_many_at_once_one_is_queued(redis: Redis, jobs: Jobs) -> None:
    async def submit() -> Accepted | Same | Busy | SubmitRefusal:
        return await jobs.store.submit(new_job(**WRITE), demands_worker=False, queue_limit=QUEUE_LIMIT)

    answers = await asyncio.gather(*(submit() for _ in range(10)))

    assert sum(isinstance(answer, Accepted) for answer in answers) == 1
    assert len({answer.job_id for answer in answers if isinstance(answer, Same)}) == 1
    assert await redis.zcard(key_names.QUEUED + Lane.SLOW) == 1
