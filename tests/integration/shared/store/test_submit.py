import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from shared.models import CommandClass, JobState, Lane
from shared.store import key_names
from shared.store.job_store import CancelScope, JobStore
from shared.store.scripts import WAKE_LIMIT
from shared.store.submits import Accepted, SubmitRefusal
from shared.store.workers import Announcement, WorkerRegistry
from tests.support.jobs import QUEUE_LIMIT, REQUEST, TOOL, Jobs, new_job, new_job_id

KUBECTL_WORKER = Announcement(worker_id="w", tools={"kubectl": "1.34"}, slots={"fast": 1}, running=0, sandbox="none")


async def test_submitted_job_reads_back_as_it_was_sent(store: JobStore) -> None:
    job = new_job(tool="helm", command_class=CommandClass.WRITE, lane=Lane.SLOW, principal="alice", time_limit_s=12.5)

    answer = await store.submit(job, demands_worker=False, queue_limit=QUEUE_LIMIT)

    [stored] = await store.read([job.id])
    assert stored is not None
    record = stored.record
    assert answer == Accepted(record.created_at)
    assert (record.id, record.principal, record.tool) == (job.id, "alice", "helm")
    assert (record.command_class, record.lane, record.state) == (CommandClass.WRITE, Lane.SLOW, JobState.QUEUED)
    assert (record.time_limit_s, record.attempt) == (12.5, 0)
    assert (record.request_key, record.output_key) == (job.request_key, job.output_key)
    assert (record.started_at, record.ended_at, record.reason, stored.response) == (None, None, None, None)
    assert datetime.now(UTC) - record.created_at < timedelta(minutes=1)
    assert record.queue_deadline - record.created_at == timedelta(seconds=job.queue_wait_s)


async def test_job_is_queued_in_its_lane_and_wakes_its_lanes_workers_that_have_the_tool(
    redis: Redis, jobs: Jobs
) -> None:
    job_id = await jobs.queued(lane=Lane.SLOW, tool="helm")

    assert await redis.zrange(key_names.queue(Lane.SLOW), 0, -1) == [job_id.encode()]
    assert await jobs.wake_tokens(Lane.SLOW, "helm") == [job_id]
    assert [name async for name in redis.scan_iter(f"{key_names.WAKE}*")] == [
        key_names.wake(Lane.SLOW, "helm").encode()
    ]
    assert await redis.exists(key_names.queue(Lane.FAST), key_names.QUEUED + Lane.FAST) == 0


async def test_keys_outlive_the_longest_wait_and_run(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued(queue_wait_s=100, time_limit_s=200.0, retention_s=300)

    for key in (key_names.JOB, key_names.REQUEST):
        assert 600 < await redis.ttl(key + job_id) <= 660


async def test_same_id_again_is_accepted_and_changes_nothing(redis: Redis, jobs: Jobs) -> None:
    job, store = new_job(), jobs.store
    first = await store.submit(job, demands_worker=False, queue_limit=QUEUE_LIMIT)
    before = await store.read([job.id])

    again = new_job(id=job.id, request=b"another", tool="helm")
    assert await store.submit(again, demands_worker=True, queue_limit=0) == first

    assert await store.read([job.id]) == before
    assert await redis.get(key_names.REQUEST + job.id) == REQUEST
    assert await jobs.wake_tokens() == [job.id]


@pytest.mark.parametrize("moment", ["running", "finished"])
async def test_same_id_again_does_not_queue_a_job_that_went_on(redis: Redis, jobs: Jobs, moment: str) -> None:
    attempt = await (jobs.running() if moment == "running" else jobs.finished())
    before = await jobs.stored(attempt.job_id)
    answer = await jobs.store.submit(new_job(id=attempt.job_id), demands_worker=False, queue_limit=QUEUE_LIMIT)

    assert answer == Accepted(before.record.created_at)
    assert await jobs.stored(attempt.job_id) == before
    assert await redis.zcard(key_names.queue(Lane.FAST)) == 0


async def test_same_id_at_the_same_time_is_one_job(redis: Redis, store: JobStore) -> None:
    job = new_job()

    answers = await asyncio.gather(
        *(store.submit(job, demands_worker=False, queue_limit=QUEUE_LIMIT) for _ in range(20))
    )

    [stored] = await store.read([job.id])
    assert stored is not None
    assert set(answers) == {Accepted(stored.record.created_at)}
    assert await redis.zcard(key_names.queue(Lane.FAST)) == 1


async def test_without_a_worker_nothing_is_queued_for_who_demands_one(redis: Redis, store: JobStore) -> None:
    assert await store.submit(new_job(), demands_worker=True, queue_limit=QUEUE_LIMIT) is SubmitRefusal.NO_WORKER

    assert await redis.dbsize() == 0


async def test_worker_with_another_tool_does_not_count(redis: Redis, store: JobStore) -> None:
    await WorkerRegistry(redis).announce(KUBECTL_WORKER)

    assert isinstance(await store.submit(new_job(), demands_worker=True, queue_limit=QUEUE_LIMIT), Accepted)
    answer = await store.submit(new_job(tool="helm"), demands_worker=True, queue_limit=QUEUE_LIMIT)
    assert answer is SubmitRefusal.NO_WORKER


@pytest.mark.parametrize("tool", ["kube", "ctl", "w"], ids=["beginning of a tool", "end of a tool", "worker's id"])
async def test_part_of_a_workers_announcement_is_no_tool(redis: Redis, store: JobStore, tool: str) -> None:
    await WorkerRegistry(redis).announce(KUBECTL_WORKER)

    answer = await store.submit(new_job(tool=tool), demands_worker=True, queue_limit=QUEUE_LIMIT)

    assert answer is SubmitRefusal.NO_WORKER


async def test_worker_that_fell_silent_does_not_count(redis: Redis, store: JobStore) -> None:
    await WorkerRegistry(redis).announce(KUBECTL_WORKER)
    await redis.zadd(key_names.WORKERS, dict.fromkeys(await redis.zrange(key_names.WORKERS, 0, -1), 1))

    assert await store.submit(new_job(), demands_worker=True, queue_limit=QUEUE_LIMIT) is SubmitRefusal.NO_WORKER


async def test_worker_that_ended_is_remembered_for_a_while(redis: Redis, store: JobStore) -> None:
    registry = WorkerRegistry(redis)
    await registry.announce(KUBECTL_WORKER)
    await registry.withdraw(KUBECTL_WORKER)

    assert await store.submit(new_job(), demands_worker=True, queue_limit=QUEUE_LIMIT) is SubmitRefusal.WORKER_ENDED
    answer = await store.submit(new_job(tool="helm"), demands_worker=True, queue_limit=QUEUE_LIMIT)
    assert answer is SubmitRefusal.NO_WORKER
    assert await registry.served() == set()


async def test_full_queue_takes_no_job(store: JobStore) -> None:
    for _ in range(2):
        assert isinstance(await store.submit(new_job(), demands_worker=False, queue_limit=2), Accepted)

    refused = new_job()
    assert await store.submit(refused, demands_worker=False, queue_limit=2) is SubmitRefusal.QUEUE_FULL
    assert await store.read([refused.id]) == [None]


async def test_queue_is_full_by_the_jobs_of_both_lanes(store: JobStore) -> None:
    for lane in Lane:
        assert isinstance(await store.submit(new_job(lane=lane), demands_worker=False, queue_limit=2), Accepted)

    assert await store.submit(new_job(), demands_worker=False, queue_limit=2) is SubmitRefusal.QUEUE_FULL


async def test_running_and_ended_jobs_do_not_fill_the_queue(jobs: Jobs) -> None:
    await jobs.running()
    await jobs.store.cancel(await jobs.queued(), reason="", scope=CancelScope.ANY)

    assert isinstance(await jobs.store.submit(new_job(), demands_worker=False, queue_limit=1), Accepted)


async def test_wake_list_is_bounded(redis: Redis, jobs: Jobs) -> None:
    async with redis.pipeline() as pipe:
        pipe.rpush(key_names.wake(Lane.FAST, TOOL), *map(str, range(WAKE_LIMIT)))
        await pipe.execute()

    job_id = await jobs.queued()

    tokens = await jobs.wake_tokens()
    assert len(tokens) == WAKE_LIMIT
    assert (tokens[0], tokens[-1]) == ("1", job_id)


async def test_unknown_job_reads_as_none(jobs: Jobs) -> None:
    known = await jobs.queued()

    found = await jobs.store.read([new_job_id(), known, new_job_id()])

    assert [stored and stored.record.id for stored in found] == [None, known, None]
    assert await jobs.store.read([]) == []
