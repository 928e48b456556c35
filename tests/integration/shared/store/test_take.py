"""A worker takes queued jobs: each for one attempt, under a lease."""

import asyncio

import pytest
from redis.asyncio import Redis

from shared.models import JobState, Lane
from shared.store import key_names
from shared.store.attempts import Claim, UnknownServer
from shared.store.job_store import LEASE_MS, CancelScope
from tests.support.channels import recorded
from tests.support.jobs import REQUEST, TOOL, WORKER_ID, Jobs, new_job_id

FENCE = "fence-1"
GATEWAY = "gateway-1"


async def taken(
    jobs: Jobs, *, fence: str = FENCE, most: int = 100, worker_id: str = WORKER_ID, lane: Lane = Lane.FAST
) -> list[Claim]:
    server = (await jobs.store.renew([])).server
    claims = await jobs.store.take(lane, worker_id=worker_id, tools=[TOOL], most=most, fence=fence, server=server)
    assert isinstance(claims, list)
    return claims


async def test_taken_job_runs_under_a_lease(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued()

    [claim] = await taken(jobs)

    assert (claim.attempt.job_id, claim.attempt.fence, claim.request) == (job_id, FENCE, REQUEST)
    assert (claim.record.state, claim.record.attempt) == (JobState.RUNNING, 1)
    assert claim.record.started_at is not None
    assert claim.record.request_key is not None
    now_s, _ = await redis.time()
    lease_until_ms = await redis.zscore(key_names.LEASES, job_id)
    assert lease_until_ms is not None
    assert now_s * 1000 < lease_until_ms <= now_s * 1000 + 1000 + LEASE_MS
    assert await redis.exists(key_names.queue(Lane.FAST), key_names.QUEUED + Lane.FAST) == 0


async def test_gateways_that_follow_a_job_are_told_that_it_runs(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued()
    await jobs.store.follow(job_id, GATEWAY)

    async with recorded(redis, key_names.gateway(GATEWAY)) as messages:
        await jobs.taken()

        assert await messages() == [job_id]


async def test_one_of_fifty_workers_gets_the_job(jobs: Jobs) -> None:
    job_id = await jobs.queued()

    answers = await asyncio.gather(*(taken(jobs, fence=f"fence-{n}", worker_id=f"worker-{n}") for n in range(50)))

    assert [claim.record.id for claims in answers for claim in claims] == [job_id]
    assert (await jobs.stored(job_id)).record.attempt == 1


async def test_no_more_is_taken_than_asked_for(jobs: Jobs) -> None:
    job_ids = [await jobs.queued() for _ in range(4)]

    assert await jobs.taken(most=2) == job_ids[:2]

    assert await jobs.state(job_ids[2]) is JobState.QUEUED
    assert await jobs.taken(most=0) == []
    assert await jobs.taken() == job_ids[2:]


async def test_jobs_of_the_other_lane_stay_queued(jobs: Jobs) -> None:
    job_id = await jobs.queued(lane=Lane.SLOW)

    assert await jobs.taken(Lane.FAST) == []
    assert await jobs.taken(Lane.SLOW) == [job_id]


async def test_jobs_of_tools_that_the_worker_lacks_are_passed_over_and_stay_queued(jobs: Jobs) -> None:
    others = [await jobs.queued(tool="helm") for _ in range(3)]
    job_id = await jobs.queued()

    assert await jobs.taken(tools=["argocd", TOOL]) == [job_id]

    assert await jobs.taken(tools=[]) == []
    assert await jobs.taken(tools=["helm"]) == others


async def test_worker_takes_jobs_of_all_its_tools_in_one_order(jobs: Jobs) -> None:
    job_ids = [await jobs.queued(tool=tool) for tool in ("helm", TOOL, "argocd", TOOL)]

    assert await jobs.taken(tools=["argocd", "helm", TOOL]) == job_ids


@pytest.mark.parametrize("is_finished", [True, False], ids=["finished", "cancelled while queued"])
async def test_job_that_has_ended_is_not_taken(jobs: Jobs, *, is_finished: bool) -> None:
    if is_finished:
        await jobs.finished()
    else:
        await jobs.store.cancel(await jobs.queued(), reason="", scope=CancelScope.ANY)

    assert await jobs.taken() == []


async def test_job_that_waited_too_long_expires_instead_of_running(redis: Redis, jobs: Jobs) -> None:
    overdue = await jobs.queued()
    in_time = await jobs.queued()
    await jobs.store.watch(overdue, GATEWAY)
    await jobs.let_queue_wait_end(overdue)

    async with recorded(redis, key_names.gateway(GATEWAY)) as messages:
        assert await jobs.taken(most=1) == [in_time]

        [notice] = await messages()
        assert overdue in notice
    record = (await jobs.stored(overdue)).record
    assert (record.state, record.reason) == (JobState.EXPIRED, "no worker took the job in time")
    assert await redis.exists(key_names.REQUEST + overdue) == 0


async def test_job_whose_record_is_gone_leaves_nothing_in_the_queue(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued()
    await redis.delete(key_names.JOB + job_id)
    await redis.zadd(key_names.queue(Lane.FAST), {new_job_id(): 0})

    assert await jobs.taken() == []

    left = [key_names.queue(Lane.FAST), key_names.TURN + Lane.FAST, key_names.TURNS + Lane.FAST]
    assert await redis.exists(*left) == 0


async def test_request_that_redis_dropped_is_empty(redis: Redis, jobs: Jobs) -> None:
    await redis.delete(key_names.REQUEST + await jobs.queued())

    [claim] = await taken(jobs)

    assert claim.request == b""


async def test_take_whose_answer_was_lost_gives_the_same_jobs_again_and_takes_none_anew(jobs: Jobs) -> None:
    for _ in range(2):
        await jobs.queued()
    first = await taken(jobs, most=2)
    later = await jobs.queued()

    assert await taken(jobs, most=2) == first

    assert await jobs.state(later) is JobState.QUEUED
    assert [claim.record.id for claim in await taken(jobs, fence="fence-2")] == [later]


async def test_jobs_that_no_longer_belong_to_the_attempt_are_not_given_again(jobs: Jobs) -> None:
    for _ in range(2):
        await jobs.queued()
    ended, running = await taken(jobs)
    await jobs.let_lease_end(ended.record.id)
    await jobs.store.sweep(settle_leases=True)

    assert await taken(jobs) == [running]


@pytest.mark.parametrize(
    ("worker_id", "lane"), [("worker-2", Lane.FAST), (WORKER_ID, Lane.SLOW)], ids=["other worker", "other lane"]
)
async def test_fencing_token_of_another_gives_no_job_of_that_one(jobs: Jobs, worker_id: str, lane: Lane) -> None:
    await jobs.queued()
    await taken(jobs)

    assert await taken(jobs, worker_id=worker_id, lane=lane) == []


async def test_memory_of_the_last_take_ends_by_itself(redis: Redis, jobs: Jobs) -> None:
    await jobs.queued()
    await taken(jobs)

    [last] = [name async for name in redis.scan_iter(f"{key_names.LAST_TAKE}*")]
    assert await redis.ttl(last) > 0


@pytest.mark.parametrize("known", ["", "0" * 40], ids=["no server", "another server"])
async def test_worker_that_knows_another_server_must_show_its_tokens_first(jobs: Jobs, known: str) -> None:
    job_id = await jobs.queued()

    answer = await jobs.store.take(Lane.FAST, worker_id=WORKER_ID, tools=[TOOL], most=1, fence=FENCE, server=known)

    assert answer is UnknownServer.SHOW_TOKENS
    assert await jobs.state(job_id) is JobState.QUEUED
    assert await jobs.taken() == [job_id]


async def test_wake_tokens_go_when_nothing_is_left_for_the_workers_tools(jobs: Jobs) -> None:
    for tool in (TOOL, TOOL, "helm"):
        await jobs.queued(tool=tool)

    await jobs.taken(most=1)
    assert len(await jobs.wake_tokens()) == 2, "one more job is queued"
    await jobs.taken()

    assert await jobs.wake_tokens() == []
    assert len(await jobs.wake_tokens(tool="helm")) == 1


async def test_takes_go_on_after_the_server_has_forgotten_the_scripts(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued()
    await redis.script_flush()

    assert await jobs.taken() == [job_id]
