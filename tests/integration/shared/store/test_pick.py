import asyncio

from redis.asyncio import Redis

from shared.models import JobId, Lane
from shared.store import key_names
from shared.store.job_store import ARQ_IN_PROGRESS_MS, CancelScope
from tests.support.jobs import Jobs, new_job_id

TOOLS = ("argocd", "kubectl")


async def picked(jobs: Jobs, *job_ids: JobId, limit: int = 10) -> list[str]:
    found = await jobs.store.pick(Lane.FAST, [job_id.encode() for job_id in job_ids], tools=TOOLS, limit=limit)
    return [job_id for job_id, _ in found]


async def test_picked_job_is_marked_for_longer_than_any_run(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued()

    assert await picked(jobs, job_id) == [job_id]

    left_ms = await redis.pttl(key_names.ARQ_IN_PROGRESS + job_id)
    assert ARQ_IN_PROGRESS_MS - 60_000 < left_ms <= ARQ_IN_PROGRESS_MS


async def test_score_is_that_of_the_queue(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued()

    [(_, score)] = await jobs.store.pick(Lane.FAST, [job_id.encode()], tools=TOOLS, limit=1)

    assert score == await redis.zscore(key_names.queue(Lane.FAST), job_id)


async def test_one_of_fifty_workers_picks_a_job(jobs: Jobs) -> None:
    job_id = await jobs.queued()

    answers = await asyncio.gather(*(picked(jobs, job_id) for _ in range(50)))

    assert sorted(answers)[-2:] == [[], [job_id]]


async def test_no_more_is_picked_than_asked_for(redis: Redis, jobs: Jobs) -> None:
    job_ids = [await jobs.queued() for _ in range(4)]

    assert await picked(jobs, *job_ids, limit=2) == job_ids[:2]

    assert await redis.exists(*(key_names.ARQ_IN_PROGRESS + job_id for job_id in job_ids[2:])) == 0
    assert await picked(jobs, *job_ids) == job_ids[2:]
    assert await picked(jobs, *job_ids, limit=0) == []


async def test_job_that_is_not_queued_in_the_lane_is_not_picked(redis: Redis, jobs: Jobs) -> None:
    cancelled, deferred = await jobs.queued(), await jobs.queued()
    other_lane, unknown = await jobs.queued(lane=Lane.SLOW), new_job_id()
    await jobs.store.cancel(cancelled, reason="", scope=CancelScope.ANY)
    now_s, _ = await redis.time()
    await redis.zadd(key_names.queue(Lane.FAST), {deferred: (now_s + 60) * 1000})

    assert await picked(jobs, cancelled, deferred, other_lane, unknown) == []

    assert await redis.keys(f"{key_names.ARQ_IN_PROGRESS}*") == []


async def test_job_of_another_tool_is_neither_picked_nor_marked(redis: Redis, jobs: Jobs) -> None:
    others = [await jobs.queued(tool="helm") for _ in range(3)]
    job_id = await jobs.queued()

    assert await picked(jobs, *others, job_id, limit=1) == [job_id]

    assert await redis.keys(f"{key_names.ARQ_IN_PROGRESS}*") == [f"{key_names.ARQ_IN_PROGRESS}{job_id}".encode()]
    found = await jobs.store.pick(Lane.FAST, [each.encode() for each in others], tools=["helm"], limit=3)
    assert [each for each, _ in found] == others


async def test_worker_without_any_tool_picks_nothing(jobs: Jobs) -> None:
    job_id = await jobs.queued()

    assert await jobs.store.pick(Lane.FAST, [job_id.encode()], tools=[], limit=1) == []


async def test_job_whose_record_is_gone_is_not_picked(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued()
    await redis.delete(key_names.JOB + job_id)

    assert await picked(jobs, job_id) == []
