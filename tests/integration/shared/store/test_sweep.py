import pytest
from redis.asyncio import Redis

from shared.models import CommandClass, JobState, Lane
from shared.store import key_names, notices
from shared.store.attempts import Renewal
from shared.store.job_store import SWEEP_LIMIT, JobStore
from shared.store.notices import EndNotice
from tests.support.channels import recorded
from tests.support.jobs import PAST_MS, Jobs, new_job_id

GATEWAY = "gateway-1"


async def test_sweep_tells_redis_own_time(redis: Redis, store: JobStore) -> None:
    before_s, _ = await redis.time()
    sweep = await store.sweep(settle_leases=True)
    after_s, _ = await redis.time()

    assert before_s * 1000 <= sweep.at_ms < (after_s + 1) * 1000
    assert (sweep.expired, sweep.lost, sweep.again) == (0, 0, 0)


async def test_sweep_tells_which_server_answered_if_there_is_a_job(redis: Redis, jobs: Jobs) -> None:
    assert (await jobs.store.sweep(settle_leases=False)).server == ""

    await jobs.queued()

    server = (await redis.info("replication"))["master_replid"]
    assert (await jobs.store.sweep(settle_leases=False)).server == server


@pytest.mark.parametrize("settle_leases", [True, False])
async def test_job_that_waited_too_long_expires(redis: Redis, jobs: Jobs, settle_leases: bool) -> None:
    overdue, patient = await jobs.queued(), await jobs.queued()
    await jobs.store.watch(overdue, GATEWAY)
    await jobs.let_queue_wait_end(overdue)

    async with recorded(redis, key_names.gateway(GATEWAY)) as messages:
        assert (await jobs.store.sweep(settle_leases=settle_leases)).expired == 1

        [notice] = await messages()
    stored = await jobs.stored(overdue)
    assert notices.read(notice.encode()) == EndNotice(stored, has_response=True)
    record = stored.record
    assert (record.state, record.request_key) == (JobState.EXPIRED, None)
    assert record.reason
    assert await redis.exists(key_names.REQUEST + overdue) == 0
    assert await jobs.state(patient) is JobState.QUEUED
    assert await redis.zrange(key_names.queue(Lane.FAST), 0, -1) == [patient.encode()]


NO_READ = [command_class for command_class in CommandClass if command_class is not CommandClass.READ]


@pytest.mark.parametrize("command_class", NO_READ)
async def test_job_of_a_silent_worker_is_lost(redis: Redis, jobs: Jobs, command_class: CommandClass) -> None:
    silent, alive = await jobs.running(command_class=command_class), await jobs.running()
    await jobs.store.watch(silent.job_id, GATEWAY)
    await jobs.let_lease_end(silent.job_id)

    async with recorded(redis, key_names.gateway(GATEWAY)) as messages:
        assert (await jobs.store.sweep(settle_leases=True)).lost == 1

        [notice] = await messages()
    stored = await jobs.stored(silent.job_id)
    assert notices.read(notice.encode()) == EndNotice(stored, has_response=True)
    record = stored.record
    assert (record.state, record.request_key) == (JobState.LOST, None)
    assert record.reason
    assert await redis.exists(key_names.REQUEST + silent.job_id) == 0
    assert (await jobs.store.renew([silent, alive])).answers == [Renewal.LOST, Renewal.HELD]


async def test_expired_lease_is_left_alone_without_trust(jobs: Jobs) -> None:
    attempt = await jobs.running(command_class=CommandClass.WRITE)
    await jobs.let_lease_end(attempt.job_id)

    assert (await jobs.store.sweep(settle_leases=False)).lost == 0

    assert (await jobs.store.renew([attempt])).answers == [Renewal.HELD]


async def test_sweep_that_stood_in_a_buffer_settles_no_lease(jobs: Jobs) -> None:
    attempt = await jobs.running(command_class=CommandClass.WRITE)
    await jobs.let_lease_end(attempt.job_id)
    at_ms = (await jobs.store.sweep(settle_leases=False)).at_ms

    assert (await jobs.store.sweep(settle_leases=True, not_after_ms=at_ms - 1)).lost == 0
    assert await jobs.state(attempt.job_id) is JobState.RUNNING
    assert (await jobs.store.sweep(settle_leases=True, not_after_ms=at_ms + 60_000)).lost == 1


async def test_entries_of_jobs_that_are_gone_are_forgotten(redis: Redis, store: JobStore) -> None:
    for index in (*(key_names.QUEUED + lane for lane in Lane), key_names.LEASES):
        await redis.zadd(index, {new_job_id(): PAST_MS})

    sweep = await store.sweep(settle_leases=True)

    assert (sweep.expired, sweep.lost, sweep.again) == (0, 0, 0)
    assert await redis.dbsize() == 0


async def test_entry_that_does_not_fit_its_job_changes_nothing(redis: Redis, jobs: Jobs) -> None:
    finished, running = await jobs.finished(), await jobs.running()
    before = await jobs.store.read([finished.job_id, running.job_id])
    await redis.zadd(key_names.QUEUED + Lane.FAST, {finished.job_id: PAST_MS, running.job_id: PAST_MS})
    await redis.zadd(key_names.LEASES, {finished.job_id: PAST_MS})

    await jobs.store.sweep(settle_leases=True)

    assert await jobs.store.read([finished.job_id, running.job_id]) == before
    assert await redis.zcard(key_names.QUEUED + Lane.FAST) == 0
    assert await redis.zrange(key_names.LEASES, 0, -1) == [running.job_id.encode()]


async def test_more_than_one_pass_takes_is_left_for_the_next(jobs: Jobs) -> None:
    for _ in range(SWEEP_LIMIT + 1):
        await jobs.let_queue_wait_end(await jobs.queued())

    assert [(await jobs.store.sweep(settle_leases=False)).expired for _ in range(3)] == [SWEEP_LIMIT, 1, 0]
