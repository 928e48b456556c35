import pytest
from redis.asyncio import Redis

from shared.models import CommandClass, JobState, Lane
from shared.store import key_names, notices
from shared.store.attempts import Renewal
from shared.store.job_store import CancelScope, Delivered, JobStore
from shared.store.notices import EndNotice
from tests.support.channels import recorded
from tests.support.jobs import TOOL, WORKER_ID, Jobs, new_job_id

GATEWAY = "gateway-1"


@pytest.mark.parametrize("scope", CancelScope)
@pytest.mark.parametrize("command_class", [CommandClass.READ, CommandClass.WRITE])
async def test_queued_job_is_cancelled_at_once(
    redis: Redis, jobs: Jobs, scope: CancelScope, command_class: CommandClass
) -> None:
    job_id = await jobs.queued(command_class=command_class, retention_s=120)

    await jobs.store.watch(job_id, GATEWAY)

    async with recorded(redis, key_names.gateway(GATEWAY)) as messages:
        assert await jobs.store.cancel(job_id, reason="enough", scope=scope) is JobState.QUEUED

        [notice] = await messages()
    stored = await jobs.stored(job_id)
    assert notices.read(notice.encode()) == EndNotice(stored, has_response=True)
    assert (stored.record.state, stored.record.reason) == (JobState.CANCELLED, "enough")
    assert stored.record.request_key is None
    assert stored.record.ended_at is not None
    assert 110 < await redis.ttl(key_names.JOB + job_id) <= 120


async def test_cancelled_job_leaves_no_queue_entry(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued(lane=Lane.SLOW)

    await jobs.store.cancel(job_id, reason="", scope=CancelScope.ANY)

    left = {name.decode() for name in await redis.keys()}
    assert left == {
        key_names.JOB + job_id,
        key_names.JOBS + "anonymous",
        key_names.STORED,
        key_names.wake(Lane.SLOW, TOOL),
    }


@pytest.mark.parametrize(
    ("is_asked", "command_class"),
    [(True, CommandClass.READ), (True, CommandClass.WRITE), (False, CommandClass.READ)],
    ids=["read", "write", "read that nobody waits for"],
)
async def test_worker_of_a_running_job_is_asked_to_end_it(
    redis: Redis, jobs: Jobs, *, is_asked: bool, command_class: CommandClass
) -> None:
    attempt = await jobs.running(command_class=command_class)

    async with recorded(redis, key_names.control(WORKER_ID)) as messages:
        if is_asked:
            answer = await jobs.store.cancel(attempt.job_id, reason="enough", scope=CancelScope.ANY)
        else:
            answer = await jobs.store.deliver(attempt.job_id, attempt.job_id, Delivered.NOTHING, reason="enough")

        assert answer is JobState.RUNNING
        assert await messages() == [attempt.job_id]
    record = (await jobs.stored(attempt.job_id)).record
    assert (record.state, record.cancel_reason) == (JobState.RUNNING, "enough")
    assert (await jobs.store.renew([attempt])).answers == [Renewal.CANCEL]


@pytest.mark.parametrize("command_class", [CommandClass.WRITE, CommandClass.DESTRUCTIVE, CommandClass.CREDENTIAL])
async def test_running_write_that_nobody_waits_for_goes_on(
    redis: Redis, jobs: Jobs, command_class: CommandClass
) -> None:
    attempt = await jobs.running(command_class=command_class)

    async with recorded(redis, key_names.control(WORKER_ID)) as messages:
        answer = await jobs.store.deliver(attempt.job_id, attempt.job_id, Delivered.NOTHING, reason="enough")

        assert answer is JobState.RUNNING
        assert await messages() == []
    assert (await jobs.stored(attempt.job_id)).record.cancel_reason is None
    assert (await jobs.store.renew([attempt])).answers == [Renewal.HELD]


@pytest.mark.parametrize("command_class", [CommandClass.READ, CommandClass.WRITE])
async def test_job_that_a_worker_has_begun_with_is_not_cancelled_as_a_queued_one(
    redis: Redis, jobs: Jobs, command_class: CommandClass
) -> None:
    attempt = await jobs.running(command_class=command_class)

    async with recorded(redis, key_names.control(WORKER_ID)) as messages:
        assert await jobs.store.cancel(attempt.job_id, reason="", scope=CancelScope.QUEUED) is JobState.RUNNING

        assert await messages() == []
    assert (await jobs.store.renew([attempt])).answers == [Renewal.HELD]


async def test_first_reason_to_cancel_stands(redis: Redis, jobs: Jobs) -> None:
    attempt = await jobs.running()

    async with recorded(redis, key_names.control(WORKER_ID)) as messages:
        for reason in ("first", "second"):
            await jobs.store.cancel(attempt.job_id, reason=reason, scope=CancelScope.ANY)

        assert await messages() == [attempt.job_id] * 2
    assert (await jobs.stored(attempt.job_id)).record.cancel_reason == "first"


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED, JobState.LOST])
async def test_finished_job_stays_as_it_is(redis: Redis, jobs: Jobs, state: JobState) -> None:
    attempt = await jobs.finished(state)
    await jobs.store.watch(attempt.job_id, GATEWAY)
    before = await jobs.stored(attempt.job_id)

    async with recorded(redis, key_names.gateway(GATEWAY)) as messages:
        assert await jobs.store.cancel(attempt.job_id, reason="late", scope=CancelScope.ANY) is state

        assert await messages() == []
    assert await jobs.stored(attempt.job_id) == before


async def test_unknown_job_is_none(redis: Redis, store: JobStore) -> None:
    assert await store.cancel(new_job_id(), reason="", scope=CancelScope.ANY) is None

    assert await redis.dbsize() == 0
