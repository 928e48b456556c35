"""What the holder of a running job may do: append output, and keep its lease."""

from redis.asyncio import Redis

from shared.models import CommandClass, JobState
from shared.store import key_names
from shared.store.attempts import Renewal
from shared.store.job_store import LEASE_MS, CancelScope, JobStore
from tests.support.jobs import Jobs, attempt_on, new_job_id, sealed_events


async def test_appended_events_read_back_in_order(jobs: Jobs) -> None:
    attempt = await jobs.running()

    assert await jobs.store.append(attempt, sealed_events(1, 2))
    assert await jobs.store.append(attempt, sealed_events(3))

    assert await jobs.store.events(attempt.job_id) == sealed_events(1, 2, 3)


async def test_events_are_read_from_a_place_on(jobs: Jobs) -> None:
    attempt = await jobs.running()
    await jobs.store.append(attempt, sealed_events(1, 2, 3, 10, 11))

    assert await jobs.store.events(attempt.job_id, after=2) == sealed_events(3, 10, 11)
    assert await jobs.store.events(attempt.job_id, after=1, limit=2) == sealed_events(2, 3)
    assert await jobs.store.events(attempt.job_id, after=11) == []
    assert await jobs.store.events(new_job_id()) == []


async def test_append_whose_answer_was_lost_may_be_sent_again(jobs: Jobs) -> None:
    attempt = await jobs.running()
    await jobs.store.append(attempt, sealed_events(1, 2))

    assert await jobs.store.append(attempt, sealed_events(1, 2, 3))

    assert await jobs.store.events(attempt.job_id) == sealed_events(1, 2, 3)


async def test_sequence_number_twice_in_one_append_counts_once(jobs: Jobs) -> None:
    attempt = await jobs.running()

    assert await jobs.store.append(attempt, sealed_events(1, 1, 2, 1))

    assert await jobs.store.events(attempt.job_id) == sealed_events(1, 2)


async def test_stranger_appends_nothing(jobs: Jobs) -> None:
    attempt = await jobs.running()

    for stranger in (attempt_on(attempt.job_id), attempt_on(new_job_id())):
        assert not await jobs.store.append(stranger, sealed_events(1))

    assert await jobs.store.events(attempt.job_id) == []


async def test_nothing_is_appended_to_a_finished_job(jobs: Jobs) -> None:
    attempt = await jobs.finished()

    assert not await jobs.store.append(attempt, sealed_events(1))

    assert await jobs.store.events(attempt.job_id) == []


async def test_nothing_is_appended_to_a_queued_job(jobs: Jobs) -> None:
    assert not await jobs.store.append(attempt_on(await jobs.queued()), sealed_events(1))


async def test_output_lives_as_long_as_its_job(redis: Redis, jobs: Jobs) -> None:
    attempt = await jobs.running()
    await jobs.store.append(attempt, sealed_events(1))

    job_ttl_s = await redis.ttl(key_names.JOB + attempt.job_id)
    assert job_ttl_s - 1 <= await redis.ttl(key_names.EVENTS + attempt.job_id) <= job_ttl_s


async def test_renewal_extends_the_lease(redis: Redis, jobs: Jobs) -> None:
    attempt = await jobs.running()
    await jobs.let_lease_end(attempt.job_id)

    assert (await jobs.store.renew([attempt])).answers == [Renewal.HELD]

    now_s, _ = await redis.time()
    lease_until_ms = await redis.zscore(key_names.LEASES, attempt.job_id)
    assert lease_until_ms is not None
    assert now_s * 1000 < lease_until_ms <= now_s * 1000 + 1000 + LEASE_MS


async def test_renewals_are_answered_in_order(redis: Redis, jobs: Jobs) -> None:
    held, asked_to_end = await jobs.running(), await jobs.running()
    finished = attempt_on((await jobs.finished()).job_id)
    stranger, unknown = attempt_on(held.job_id), attempt_on(new_job_id())
    await jobs.store.cancel(asked_to_end.job_id, reason="", scope=CancelScope.ANY)

    answers = (await jobs.store.renew([finished, held, unknown, asked_to_end, stranger])).answers

    assert answers == [Renewal.LOST, Renewal.HELD, Renewal.LOST, Renewal.CANCEL, Renewal.LOST]
    assert set(await redis.zrange(key_names.LEASES, 0, -1)) == {held.job_id.encode(), asked_to_end.job_id.encode()}


async def test_attempt_that_has_settled_its_job_is_not_lost(redis: Redis, jobs: Jobs) -> None:
    """The worker may not have heard that it has, and tries again until it does."""
    attempt = await jobs.finished()

    assert (await jobs.store.renew([attempt])).answers == [Renewal.HELD]

    assert await redis.zcard(key_names.LEASES) == 0


async def test_nothing_to_renew_is_no_error(store: JobStore) -> None:
    assert (await store.renew([])).answers == []


async def test_worker_that_comes_back_too_late_has_lost_its_job(jobs: Jobs) -> None:
    attempt = await jobs.running(command_class=CommandClass.WRITE)
    await jobs.let_lease_end(attempt.job_id)
    await jobs.store.sweep(settle_leases=True)

    assert (await jobs.store.renew([attempt])).answers == [Renewal.LOST]
    assert not await jobs.store.append(attempt, sealed_events(1))
    assert await jobs.state(attempt.job_id) is JobState.LOST
