"""What autoscalers count: the queued and running jobs of each lane."""

import pytest
from redis.asyncio import Redis

from shared.models import CommandClass, Lane
from shared.store import key_names
from shared.store.job_store import CancelScope
from tests.support.jobs import PAST_MS, Jobs, new_job_id


async def load(redis: Redis) -> dict[Lane, int]:
    return {lane: await redis.zcard(key_names.LOAD + lane) for lane in Lane}


async def test_jobs_count_in_their_lane_from_their_submit_to_their_end(redis: Redis, jobs: Jobs) -> None:
    ended = await jobs.finished()
    running, queued = await jobs.running(), await jobs.queued()
    await jobs.queued(lane=Lane.SLOW)

    assert await load(redis) == {Lane.FAST: 2, Lane.SLOW: 1}

    await jobs.store.cancel(queued, reason="", scope=CancelScope.ANY)
    await jobs.store.give_back([running, ended])
    assert await load(redis) == {Lane.FAST: 1, Lane.SLOW: 1}


@pytest.mark.parametrize(("command_class", "is_left"), [(CommandClass.READ, 1), (CommandClass.WRITE, 0)])
async def test_job_of_a_silent_worker_counts_if_it_begins_again(
    redis: Redis, jobs: Jobs, command_class: CommandClass, is_left: int
) -> None:
    attempt = await jobs.running(command_class=command_class)
    await jobs.let_lease_end(attempt.job_id)

    await jobs.store.sweep(settle_leases=True)

    assert (await load(redis))[Lane.FAST] == is_left


async def test_count_of_a_job_ends_with_its_keys(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued()
    now_s, _ = await redis.time()
    left_s = (await redis.zscore(key_names.LOAD + Lane.FAST, job_id) or 0) / 1000 - now_s
    assert abs(left_s - await redis.ttl(key_names.JOB + job_id)) <= 2


@pytest.mark.parametrize("lane", Lane)
async def test_job_whose_keys_are_gone_counts_no_more_after_a_sweep(redis: Redis, jobs: Jobs, lane: Lane) -> None:
    await redis.zadd(key_names.LOAD + lane, {new_job_id(): PAST_MS})

    await jobs.store.sweep(settle_leases=False)

    assert await load(redis) == dict.fromkeys(Lane, 0)
