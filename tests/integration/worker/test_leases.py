"""Leases of running jobs: kept while they run, and what ends them passed on."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from shared import metrics
from shared.models import CommandClass, JobState
from shared.store import key_names
from shared.store.attempts import Attempt
from shared.store.job_store import CancelScope
from tests.support.jobs import WORKER_ID, Jobs, attempt_on
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until
from worker import leases
from worker.job_control import JobControl, Stop, StopKind
from worker.leases import LeaseKeeper


@pytest.fixture
def jobs(redis: Redis) -> Jobs:
    return Jobs(redis)


@pytest.fixture
def keeper(jobs: Jobs, redis: Redis) -> LeaseKeeper:
    return LeaseKeeper(jobs.store, redis, WORKER_ID)


@pytest.fixture
async def renewing(keeper: LeaseKeeper, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LeaseKeeper]:
    monkeypatch.setattr(leases, "RENEWAL_INTERVAL_S", 0.02)
    task = asyncio.create_task(keeper.renew(), name="renew")
    yield keeper
    task.cancel()
    await asyncio.wait({task})


@pytest.fixture
async def listening(keeper: LeaseKeeper, redis: Redis) -> AsyncIterator[LeaseKeeper]:
    task = asyncio.create_task(keeper.listen(), name="listen")

    async def is_subscribed() -> bool:
        [(_, subscribers)] = await redis.pubsub_numsub(key_names.control(WORKER_ID))
        return bool(subscribers)

    await wait_until(is_subscribed)
    yield keeper
    task.cancel()
    await asyncio.wait({task})


async def lost(jobs: Jobs) -> Attempt:
    """An attempt whose job another process has settled, because its lease had ended."""
    attempt = await jobs.running(command_class=CommandClass.WRITE)
    await jobs.let_lease_end(attempt.job_id)
    await jobs.store.sweep(settle_leases=True)
    return attempt


def is_cancelled(control: JobControl, reason: str) -> bool:
    return control.stop == Stop(StopKind.CANCELLED, reason)


async def test_lease_is_renewed_while_the_job_is_held(renewing: LeaseKeeper, jobs: Jobs, redis: Redis) -> None:
    attempt = await jobs.running()
    with renewing.hold(attempt) as control:
        first = await redis.zscore(key_names.LEASES, attempt.job_id)
        assert first is not None

        async def is_longer() -> bool:
            now = await redis.zscore(key_names.LEASES, attempt.job_id)
            return now is not None and now > first

        await wait_until(is_longer)
        assert control.stop is None


async def test_cancellation_arrives_on_the_channel(listening: LeaseKeeper, jobs: Jobs) -> None:
    attempt, other = await jobs.running(), await jobs.running()
    with listening.hold(attempt) as control, listening.hold(other) as untouched:
        await jobs.store.cancel(attempt.job_id, reason="asked", scope=CancelScope.ANY)

        await wait_until(lambda: is_cancelled(control, "asked"))
        assert untouched.stop is None


async def test_cancellation_that_nobody_heard_is_found_by_the_renewal(renewing: LeaseKeeper, jobs: Jobs) -> None:
    attempt = await jobs.running()
    await jobs.store.cancel(attempt.job_id, reason="asked", scope=CancelScope.ANY)
    with renewing.hold(attempt) as control:
        await wait_until(lambda: is_cancelled(control, "asked"))


async def test_job_that_another_settled_is_lost(renewing: LeaseKeeper, jobs: Jobs) -> None:
    attempt = await lost(jobs)
    with renewing.hold(attempt) as control:
        await wait_until(lambda: control.is_lost)


async def test_lease_that_is_lost_is_counted_once(renewing: LeaseKeeper, jobs: Jobs) -> None:
    before = metrics.WORKER.get_sample_value("mcp_k8s_leases_lost_total") or 0
    attempt = await lost(jobs)
    with renewing.hold(attempt) as control:
        await wait_until(lambda: control.is_lost)
        renewing.lose(attempt.job_id)

    assert metrics.WORKER.get_sample_value("mcp_k8s_leases_lost_total") == before + 1


async def test_job_that_this_attempt_has_settled_is_not_lost(keeper: LeaseKeeper, jobs: Jobs) -> None:
    """The answer to the settle may be lost, or a replica be missing: its runner must go on trying."""
    attempt = await jobs.finished()
    with keeper.hold(attempt) as control:
        await keeper.show()

        assert not control.is_lost


async def test_shown_tokens_tell_which_server_knows_them(keeper: LeaseKeeper, redis: Redis) -> None:
    await keeper.show()

    assert keeper.server == (await redis.info("replication"))["master_replid"]


async def test_write_whose_claim_the_server_has_lost_is_ended_here_and_there(keeper: LeaseKeeper, jobs: Jobs) -> None:
    held, known = attempt_on(await jobs.queued(command_class=CommandClass.WRITE)), await jobs.running()
    with keeper.hold(held) as control, keeper.hold(known) as untouched:
        await keeper.show()

        assert control.is_lost
        assert untouched.stop is None
    assert await jobs.state(held.job_id) is JobState.LOST


async def test_jobs_are_given_back_when_redis_is_there_again(own_valkey: Valkey) -> None:
    async with Redis.from_url(own_valkey.url) as redis:
        jobs = Jobs(redis)
        keeper = LeaseKeeper(jobs.store, redis, WORKER_ID)
        attempt = await jobs.running()
        own_valkey.kill()
        giving = asyncio.create_task(keeper.give_back([attempt]))
        await asyncio.to_thread(own_valkey.start)

        await giving

        assert await jobs.state(attempt.job_id) is JobState.QUEUED


async def test_job_that_was_given_back_is_given_back_to_the_next_server_too(own_valkey: Valkey) -> None:
    """It knows of the claim, though it has not acknowledged it, and not that the job was given back."""
    async with Redis.from_url(own_valkey.url) as redis:
        jobs = Jobs(redis)
        keeper = LeaseKeeper(jobs.store, redis, WORKER_ID)
        await keeper.show()
        attempt = await jobs.running()
        claimed = await redis.dump(key_names.JOB + attempt.job_id)
        await keeper.give_back([attempt])
        await redis.restore(key_names.JOB + attempt.job_id, 0, claimed, replace=True)
        await asyncio.to_thread(own_valkey.restart)
        await redis.connection_pool.disconnect()

        await keeper.show()

        assert await jobs.state(attempt.job_id) is JobState.QUEUED


async def test_word_of_a_job_that_runs_elsewhere_is_ignored(listening: LeaseKeeper, jobs: Jobs, redis: Redis) -> None:
    attempt = await jobs.running()
    with listening.hold(attempt) as control:
        await redis.publish(key_names.control(WORKER_ID), "f" * 48)
        await jobs.store.cancel(attempt.job_id, reason="asked", scope=CancelScope.ANY)

        await wait_until(lambda: is_cancelled(control, "asked"))


async def test_stop_of_the_worker_cancels_what_runs_and_what_is_still_on_its_way(
    keeper: LeaseKeeper, jobs: Jobs
) -> None:
    with keeper.hold(await jobs.running()) as running:
        keeper.cancel_all("stopping")
        with keeper.hold(await jobs.running()) as late:
            assert keeper.running == 2

        assert is_cancelled(running, "stopping")
        assert is_cancelled(late, "stopping")
    assert keeper.running == 0


def test_first_reason_counts_and_a_lost_lease_overrules_it() -> None:
    control = JobControl()
    control.cancel("first")
    control.cancel("second")
    assert is_cancelled(control, "first")

    control.lose()

    assert control.is_lost
