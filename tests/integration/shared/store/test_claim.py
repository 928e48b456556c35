import asyncio
from collections import Counter

from redis.asyncio import Redis

from shared.models import JobState, Lane
from shared.store import key_names
from shared.store.job_store import LEASE_MS, CancelScope, ClaimRefusal, JobStore
from tests.support.channels import recorded
from tests.support.jobs import REQUEST, WORKER_ID, Jobs, attempt_on, new_job_id


async def test_claimed_job_runs_under_a_lease(redis: Redis, jobs: Jobs) -> None:
    attempt = attempt_on(await jobs.queued())

    claim = await jobs.claimed(attempt)

    assert (claim.attempt, claim.request) == (attempt, REQUEST)
    assert (claim.record.state, claim.record.attempt) == (JobState.RUNNING, 1)
    assert claim.record.started_at is not None
    assert claim.record.request_key is not None
    now_s, _ = await redis.time()
    lease_until_ms = await redis.zscore(key_names.LEASES, attempt.job_id)
    assert lease_until_ms is not None
    assert now_s * 1000 < lease_until_ms <= now_s * 1000 + 1000 + LEASE_MS
    assert await redis.zcard(key_names.QUEUED) == 0


async def test_claim_is_published(redis: Redis, jobs: Jobs) -> None:
    attempt = attempt_on(await jobs.queued())

    async with recorded(redis, key_names.notice(attempt.job_id)) as messages:
        await jobs.claimed(attempt)

        assert await messages() == ["running"]


async def test_one_of_fifty_concurrent_claims_gets_the_job(jobs: Jobs) -> None:
    job_id = await jobs.queued()

    answers = await asyncio.gather(*(jobs.store.claim(attempt_on(job_id), worker_id=f"worker-{n}") for n in range(50)))

    assert Counter(answer if isinstance(answer, ClaimRefusal) else "claimed" for answer in answers) == {
        "claimed": 1,
        ClaimRefusal.TAKEN: 49,
    }
    assert (await jobs.stored(job_id)).record.attempt == 1


async def test_claim_whose_answer_was_lost_may_be_asked_again(jobs: Jobs) -> None:
    attempt = attempt_on(await jobs.queued())
    first = await jobs.claimed(attempt)

    assert await jobs.claimed(attempt) == first


async def test_unknown_job_is_gone(store: JobStore) -> None:
    assert await store.claim(attempt_on(new_job_id()), worker_id=WORKER_ID) is ClaimRefusal.GONE


async def test_finished_job_is_not_claimed(jobs: Jobs) -> None:
    attempt = await jobs.finished()

    for again in (attempt, attempt_on(attempt.job_id)):
        assert await jobs.store.claim(again, worker_id=WORKER_ID) is ClaimRefusal.TAKEN


async def test_cancelled_job_is_not_claimed(jobs: Jobs) -> None:
    job_id = await jobs.queued()
    await jobs.store.cancel(job_id, reason="", scope=CancelScope.ANY)

    assert await jobs.store.claim(attempt_on(job_id), worker_id=WORKER_ID) is ClaimRefusal.TAKEN


async def test_job_that_waited_too_long_expires_instead_of_running(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued()
    await jobs.let_queue_wait_end(job_id)

    async with recorded(redis, key_names.notice(job_id)) as messages:
        answer = await jobs.store.claim(attempt_on(job_id), worker_id=WORKER_ID)

        assert answer is ClaimRefusal.EXPIRED
        assert await messages() == ["expired"]
    assert await jobs.state(job_id) is JobState.EXPIRED
    assert (
        await redis.exists(
            key_names.REQUEST + job_id, key_names.ARQ_JOB + job_id, key_names.queue(Lane.FAST), key_names.QUEUED
        )
        == 0
    )


async def test_request_that_redis_dropped_is_empty(redis: Redis, jobs: Jobs) -> None:
    attempt = attempt_on(await jobs.queued())
    await redis.delete(key_names.REQUEST + attempt.job_id)

    assert (await jobs.claimed(attempt)).request == b""


async def test_claims_go_on_after_the_server_has_forgotten_the_scripts(redis: Redis, jobs: Jobs) -> None:
    attempt = attempt_on(await jobs.queued())
    await redis.script_flush()

    await jobs.claimed(attempt)
