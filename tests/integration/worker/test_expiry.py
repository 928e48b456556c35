"""After many jobs Redis holds what their retention says, and in the end nothing but what is bounded."""

import asyncio

from redis.asyncio import Redis

from shared.models import CommandClass, JobId, JobState
from shared.store import key_names
from shared.store.attempts import Claim, Ending
from shared.store.submits import Accepted
from tests.support.jobs import Jobs, new_job, sealed_events
from tests.support.lanes import serving_lane
from tests.support.waiting import wait_until

JOBS = 300
SHORT_RETENTION_S = 1


async def test_nothing_is_left_of_many_jobs(redis: Redis, redis_url: str) -> None:
    jobs, ended = Jobs(redis), set[JobId]()

    async def run_claim(claim: Claim) -> None:
        await jobs.store.append(claim.attempt, sealed_events(1, 2))
        await jobs.store.settle(claim.attempt, Ending(JobState.SUCCEEDED, "", b"response", sealed_events(3)))
        ended.add(claim.record.id)

    async with serving_lane(redis_url, run_claim, slots=8):
        of_an_idle_lane = await _names(redis)
        for first in range(0, JOBS, 50):
            await asyncio.gather(*(_submitted(jobs, number) for number in range(first, first + 50)))
        await wait_until(lambda: len(ended) == JOBS, timeout_s=60)
        await wait_until(lambda: _holds(redis, of_an_idle_lane), timeout_s=60)


async def test_retention_begins_at_the_end_and_holds_for_all_that_is_kept(redis: Redis) -> None:
    jobs = Jobs(redis)
    attempt = await jobs.running(retention_s=77)
    await jobs.store.append(attempt, sealed_events(1))
    await jobs.store.settle(attempt, Ending(JobState.SUCCEEDED, "", b"response"))

    for prefix in (key_names.JOB, key_names.EVENTS, key_names.RESPONSE):
        assert 75 <= await redis.ttl(prefix + attempt.job_id) <= 77


async def _submitted(jobs: Jobs, number: int) -> None:
    command_class = CommandClass.READ if number % 2 else CommandClass.WRITE
    job = new_job(
        command_class=command_class,
        retention_s=SHORT_RETENTION_S,
        principal=f"principal {number % 3}",
        principal_limit=JOBS,
        fingerprint=f"request {number}",
        exclusive=(f"release-{number}", f"other-{number}"),
    )
    assert isinstance(await jobs.store.submit(job, demands_worker=False, queue_limit=JOBS), Accepted)


async def _names(redis: Redis) -> set[bytes]:
    """But for the lists of jobs of a caller and the bytes in use, which are bounded, and the last takes."""
    others = (key_names.JOBS.encode(), key_names.LAST_TAKE.encode(), key_names.STORED.encode())
    return {name async for name in redis.scan_iter(count=1_000) if not name.startswith(others)}


async def _holds(redis: Redis, names: set[bytes]) -> bool:
    """Whether these are all keys that there are: an empty index, queue or list is none."""
    return await _names(redis) == names
