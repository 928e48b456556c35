import pytest
from redis.asyncio import Redis

from shared.models import JobState
from shared.store import key_names, notices
from shared.store.job_store import CancelScope
from shared.store.notices import EndNotice
from tests.support.channels import recorded
from tests.support.jobs import RESPONSE, Jobs, attempt_on, ending, new_job_id, sealed_events

GATEWAY = "gateway-1"
ENDS_OF_A_RUN = [JobState.SUCCEEDED, JobState.FAILED, JobState.TIMED_OUT, JobState.CANCELLED, JobState.LOST]


@pytest.mark.parametrize("state", ENDS_OF_A_RUN)
async def test_settled_job_has_its_state_reason_and_response(redis: Redis, jobs: Jobs, state: JobState) -> None:
    attempt = await jobs.running()

    await jobs.store.watch(attempt.job_id, GATEWAY)

    async with recorded(redis, key_names.gateway(GATEWAY)) as messages:
        assert await jobs.store.settle(attempt, ending(state, reason="because"))

        [notice] = await messages()
    stored = await jobs.stored(attempt.job_id)
    assert notices.read(notice.encode()) == EndNotice(stored, has_response=True)
    assert (stored.record.state, stored.record.reason, stored.response) == (state, "because", RESPONSE)
    assert stored.record.ended_at is not None
    assert stored.record.started_at is not None
    assert stored.record.ended_at >= stored.record.started_at


async def test_request_and_its_key_are_gone_the_moment_the_job_ends(redis: Redis, jobs: Jobs) -> None:
    attempt = await jobs.finished()

    assert await redis.exists(key_names.REQUEST + attempt.job_id) == 0
    record = (await jobs.stored(attempt.job_id)).record
    assert record.request_key is None
    assert record.output_key
    assert await redis.zcard(key_names.LEASES) == 0


async def test_finished_job_lives_for_its_retention(redis: Redis, jobs: Jobs) -> None:
    attempt = await jobs.running(retention_s=120)
    await jobs.store.append(attempt, sealed_events(1))
    await jobs.store.settle(attempt, ending())

    for key in (key_names.JOB, key_names.EVENTS, key_names.RESPONSE):
        assert 110 < await redis.ttl(key + attempt.job_id) <= 120


async def test_last_events_are_stored_with_the_end(redis: Redis, jobs: Jobs) -> None:
    attempt = await jobs.running(retention_s=120)

    await jobs.store.append(attempt, sealed_events(1, 2))
    await jobs.store.settle(attempt, ending(sequences=(2, 3)))

    assert await jobs.store.events(attempt.job_id) == sealed_events(1, 2, 3)
    assert 110 < await redis.ttl(key_names.EVENTS + attempt.job_id) <= 120


async def test_output_that_comes_only_at_the_end_lives_for_the_retention(redis: Redis, jobs: Jobs) -> None:
    attempt = await jobs.running(retention_s=120)

    await jobs.store.settle(attempt, ending(sequences=(1,)))

    assert 110 < await redis.ttl(key_names.EVENTS + attempt.job_id) <= 120


async def test_settle_whose_answer_was_lost_may_be_sent_again(jobs: Jobs) -> None:
    attempt = await jobs.finished(JobState.FAILED)
    before = await jobs.stored(attempt.job_id)

    assert await jobs.store.settle(attempt, ending(JobState.SUCCEEDED, sequences=(1,)))

    assert await jobs.stored(attempt.job_id) == before
    assert await jobs.store.events(attempt.job_id) == []


async def test_stranger_settles_nothing(jobs: Jobs) -> None:
    attempt = await jobs.running()

    for stranger in (attempt_on(attempt.job_id), attempt_on(new_job_id())):
        assert not await jobs.store.settle(stranger, ending())

    stored = await jobs.stored(attempt.job_id)
    assert (stored.record.state, stored.response) == (JobState.RUNNING, None)


async def test_queued_job_is_settled_by_nobody(jobs: Jobs) -> None:
    job_id = await jobs.queued()

    assert not await jobs.store.settle(attempt_on(job_id), ending())

    assert await jobs.state(job_id) is JobState.QUEUED


async def test_worker_that_lost_its_lease_settles_nothing(jobs: Jobs) -> None:
    attempt = await jobs.running()
    await jobs.let_lease_end(attempt.job_id)
    await jobs.store.sweep(settle_leases=True)
    before = await jobs.stored(attempt.job_id)

    assert not await jobs.store.settle(attempt, ending(sequences=(1,)))

    assert await jobs.stored(attempt.job_id) == before


async def test_expired_lease_that_nobody_settled_still_holds(jobs: Jobs) -> None:
    attempt = await jobs.running()
    await jobs.let_lease_end(attempt.job_id)

    assert await jobs.store.settle(attempt, ending())


async def test_end_without_a_response_is_kept(redis: Redis, jobs: Jobs) -> None:
    attempt = await jobs.running()
    no_response = ending(JobState.LOST, reason="the launcher died")

    assert await jobs.store.settle(attempt, type(no_response)(no_response.state, no_response.reason, b""))

    stored = await jobs.stored(attempt.job_id)
    assert (stored.record.state, stored.response) == (JobState.LOST, None)
    assert await redis.exists(key_names.RESPONSE + attempt.job_id) == 0


async def test_cancel_of_a_running_job_leaves_the_end_to_its_worker(jobs: Jobs) -> None:
    attempt = await jobs.running()
    await jobs.store.cancel(attempt.job_id, reason="enough", scope=CancelScope.ANY)

    assert await jobs.store.settle(attempt, ending(JobState.SUCCEEDED))

    stored = await jobs.stored(attempt.job_id)
    assert (stored.record.state, stored.record.cancel_reason) == (JobState.SUCCEEDED, "enough")
