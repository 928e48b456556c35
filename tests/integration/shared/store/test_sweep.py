import pytest
from redis.asyncio import Redis

from shared.models import CommandClass, JobState, Lane
from shared.store import key_names
from shared.store.job_store import ARQ_IN_PROGRESS_MS, PICK_UP_LIMIT_MS, SWEEP_LIMIT, JobStore, Renewal
from tests.support.channels import recorded
from tests.support.jobs import PAST_MS, TOOL, Jobs, new_job_id
from tests.support.waiting import wait_until

LONG_AGO_MS = ARQ_IN_PROGRESS_MS - PICK_UP_LIMIT_MS - 1_000
"""What is left of arq's mark when the pick-up was longer ago than any lives."""
A_MOMENT_AGO_MS = ARQ_IN_PROGRESS_MS - 10


async def pick_up(redis: Redis, job_id: str, *, left_ms: int) -> None:
    """As arq leaves it when a worker dies between its pick-up and our claim."""
    await redis.set(key_names.ARQ_IN_PROGRESS + job_id, "1", px=left_ms)
    await redis.delete(key_names.wake(Lane.FAST, TOOL))


async def test_sweep_tells_redis_own_time(redis: Redis, store: JobStore) -> None:
    before_s, _ = await redis.time()
    sweep = await store.sweep(settle_leases=True)
    after_s, _ = await redis.time()

    assert before_s * 1000 <= sweep.at_ms < (after_s + 1) * 1000
    assert (sweep.expired, sweep.lost, sweep.repaired) == (0, 0, 0)


@pytest.mark.parametrize("settle_leases", [True, False])
async def test_job_that_waited_too_long_expires(redis: Redis, jobs: Jobs, settle_leases: bool) -> None:
    overdue, patient = await jobs.queued(), await jobs.queued()
    await jobs.let_queue_wait_end(overdue)

    async with recorded(redis, key_names.notice(overdue)) as messages:
        assert (await jobs.store.sweep(settle_leases=settle_leases)).expired == 1

        assert await messages() == ["expired"]
    record = (await jobs.stored(overdue)).record
    assert (record.state, record.request_key) == (JobState.EXPIRED, None)
    assert record.reason
    assert await redis.exists(key_names.REQUEST + overdue, key_names.ARQ_JOB + overdue) == 0
    assert await jobs.state(patient) is JobState.QUEUED
    assert await redis.zrange(key_names.queue(Lane.FAST), 0, -1) == [patient.encode()]


NO_READ = [command_class for command_class in CommandClass if command_class is not CommandClass.READ]


@pytest.mark.parametrize("command_class", NO_READ)
async def test_job_of_a_silent_worker_is_lost(redis: Redis, jobs: Jobs, command_class: CommandClass) -> None:
    silent, alive = await jobs.running(command_class=command_class), await jobs.running()
    await jobs.let_lease_end(silent.job_id)

    async with recorded(redis, key_names.notice(silent.job_id)) as messages:
        assert (await jobs.store.sweep(settle_leases=True)).lost == 1

        assert await messages() == ["lost"]
    record = (await jobs.stored(silent.job_id)).record
    assert (record.state, record.request_key) == (JobState.LOST, None)
    assert record.reason
    assert await redis.exists(key_names.REQUEST + silent.job_id, key_names.ARQ_JOB + silent.job_id) == 0
    assert await jobs.store.renew([silent, alive]) == [Renewal.LOST, Renewal.HELD]


async def test_expired_lease_is_left_alone_without_trust(jobs: Jobs) -> None:
    attempt = await jobs.running(command_class=CommandClass.WRITE)
    await jobs.let_lease_end(attempt.job_id)

    assert (await jobs.store.sweep(settle_leases=False)).lost == 0

    assert await jobs.store.renew([attempt]) == [Renewal.HELD]


async def test_sweep_that_stood_in_a_buffer_settles_no_lease(jobs: Jobs) -> None:
    attempt = await jobs.running(command_class=CommandClass.WRITE)
    await jobs.let_lease_end(attempt.job_id)
    at_ms = (await jobs.store.sweep(settle_leases=False)).at_ms

    assert (await jobs.store.sweep(settle_leases=True, not_after_ms=at_ms - 1)).lost == 0
    assert await jobs.state(attempt.job_id) is JobState.RUNNING
    assert (await jobs.store.sweep(settle_leases=True, not_after_ms=at_ms + 60_000)).lost == 1


async def test_pick_up_whose_worker_died_is_repaired(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued()
    await pick_up(redis, job_id, left_ms=LONG_AGO_MS)

    assert (await jobs.store.sweep(settle_leases=False)).repaired == 1

    assert await redis.exists(key_names.ARQ_IN_PROGRESS + job_id) == 0
    assert await jobs.wake_tokens() == [job_id]
    assert await jobs.state(job_id) is JobState.QUEUED


async def test_repair_wakes_those_that_have_the_tool(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued(tool="helm", lane=Lane.SLOW)
    await pick_up(redis, job_id, left_ms=LONG_AGO_MS)
    await redis.delete(key_names.wake(Lane.SLOW, "helm"))

    await jobs.store.sweep(settle_leases=False)

    assert await jobs.wake_tokens(Lane.SLOW, "helm") == [job_id]
    assert len([name async for name in redis.scan_iter(f"{key_names.WAKE}*")]) == 1


async def test_pick_up_of_a_moment_ago_is_left_alone(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued()
    await pick_up(redis, job_id, left_ms=A_MOMENT_AGO_MS)

    assert (await jobs.store.sweep(settle_leases=True)).repaired == 0

    assert await redis.exists(key_names.ARQ_IN_PROGRESS + job_id) == 1
    assert await jobs.wake_tokens() == []


async def test_mark_of_a_running_job_is_left_alone(redis: Redis, jobs: Jobs) -> None:
    attempt = await jobs.running()
    await pick_up(redis, attempt.job_id, left_ms=LONG_AGO_MS)

    assert (await jobs.store.sweep(settle_leases=True)).repaired == 0

    assert await redis.exists(key_names.ARQ_IN_PROGRESS + attempt.job_id) == 1
    assert await redis.zcard(key_names.queue(Lane.FAST)) == 1


async def test_dead_pick_up_behind_many_running_jobs_is_repaired(redis: Redis, jobs: Jobs) -> None:
    for _ in range(SWEEP_LIMIT + 1):
        await jobs.running()
    job_id = await jobs.queued()
    await pick_up(redis, job_id, left_ms=LONG_AGO_MS)
    # Jobs of one millisecond are in the order of their ids.
    await redis.zincrby(key_names.queue(Lane.FAST), 1, job_id)

    async def is_repaired() -> bool:
        return (await jobs.store.sweep(settle_leases=False)).repaired == 1

    await wait_until(is_repaired)


@pytest.mark.parametrize("lane", Lane)
async def test_queue_entry_of_a_finished_job_is_forgotten(redis: Redis, jobs: Jobs, lane: Lane) -> None:
    attempt = await jobs.finished(lane=lane)
    before = await jobs.stored(attempt.job_id)
    await pick_up(redis, attempt.job_id, left_ms=A_MOMENT_AGO_MS)
    await redis.set(key_names.ARQ_RETRY + attempt.job_id, "1", ex=60)

    await jobs.store.sweep(settle_leases=False)

    arq_keys = [
        prefix + attempt.job_id for prefix in (key_names.ARQ_JOB, key_names.ARQ_IN_PROGRESS, key_names.ARQ_RETRY)
    ]
    assert await redis.exists(key_names.queue(lane), *arq_keys) == 0
    assert await jobs.stored(attempt.job_id) == before


async def test_entries_of_jobs_that_are_gone_are_forgotten(redis: Redis, store: JobStore) -> None:
    for index in (key_names.QUEUED, key_names.LEASES, key_names.queue(Lane.FAST)):
        await redis.zadd(index, {new_job_id(): PAST_MS})

    sweep = await store.sweep(settle_leases=True)

    assert (sweep.expired, sweep.lost, sweep.repaired) == (0, 0, 0)
    assert await redis.dbsize() == 0


async def test_entry_that_does_not_fit_its_job_changes_nothing(redis: Redis, jobs: Jobs) -> None:
    finished, running = await jobs.finished(), await jobs.running()
    before = await jobs.store.read([finished.job_id, running.job_id])
    await redis.zadd(key_names.QUEUED, {finished.job_id: PAST_MS, running.job_id: PAST_MS})
    await redis.zadd(key_names.LEASES, {finished.job_id: PAST_MS})

    await jobs.store.sweep(settle_leases=True)

    assert await jobs.store.read([finished.job_id, running.job_id]) == before
    assert await redis.zcard(key_names.QUEUED) == 0
    assert await redis.zrange(key_names.LEASES, 0, -1) == [running.job_id.encode()]


async def test_more_than_one_pass_takes_is_left_for_the_next(jobs: Jobs) -> None:
    for _ in range(SWEEP_LIMIT + 1):
        await jobs.let_queue_wait_end(await jobs.queued())

    assert [(await jobs.store.sweep(settle_leases=False)).expired for _ in range(3)] == [SWEEP_LIMIT, 1, 0]
