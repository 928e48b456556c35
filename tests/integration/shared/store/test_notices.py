"""What gateways are told: ends of jobs that a request waits for, and changes of jobs that one follows."""

import json

import pytest
from redis.asyncio import Redis

from shared.models import JobState
from shared.store import key_names, notices
from shared.store.attempts import Ending
from shared.store.job_store import FOLLOWERS_S, CancelScope, JobStore
from shared.store.notices import EndNotice
from shared.store.scripts import NOTICE_BYTES
from tests.support.channels import recorded
from tests.support.jobs import QUEUE_LIMIT, Jobs, ending, new_job, new_job_id, sealed_events

GATEWAY, OTHER = "gateway-1", "gateway-2"


@pytest.mark.parametrize(("length", "is_told"), [(1, True), (NOTICE_BYTES, True), (NOTICE_BYTES + 1, False)])
async def test_end_is_told_with_the_record_and_a_response_that_is_not_too_long(
    redis: Redis, jobs: Jobs, length: int, is_told: bool
) -> None:
    attempt = await jobs.running()
    await jobs.store.watch(attempt.job_id, GATEWAY)
    response = b"x" * length

    async with recorded(redis, key_names.gateway(GATEWAY)) as messages:
        await jobs.store.settle(attempt, Ending(JobState.FAILED, "because", response))

        [message] = await messages()
    stored = await jobs.stored(attempt.job_id)
    notice = notices.read(message.encode())
    assert isinstance(notice, EndNotice)
    assert (notice.job.record, notice.has_response) == (stored.record, is_told)
    assert notice.job.response == (response if is_told else None)
    assert stored.response == response


async def test_end_without_a_response_says_that_there_is_none(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued()
    await jobs.store.watch(job_id, GATEWAY)

    async with recorded(redis, key_names.gateway(GATEWAY)) as messages:
        await jobs.store.cancel(job_id, reason="enough", scope=CancelScope.ANY)

        [message] = await messages()
    assert notices.read(message.encode()) == EndNotice(await jobs.stored(job_id), has_response=True)


async def test_end_is_told_once_to_each_gateway_that_waits(redis: Redis, jobs: Jobs) -> None:
    attempt = await jobs.running()
    for gateway in (GATEWAY, OTHER, GATEWAY):
        await jobs.store.watch(attempt.job_id, gateway)

    async with (
        recorded(redis, key_names.gateway(GATEWAY)) as first,
        recorded(redis, key_names.gateway(OTHER)) as second,
        recorded(redis, key_names.gateway("gateway-3")) as third,
    ):
        await jobs.store.settle(attempt, ending())

        assert [len(await messages()) for messages in (first, second, third)] == [1, 1, 0]


async def test_gateway_that_submits_is_told_the_end(redis: Redis, store: JobStore) -> None:
    job = new_job()
    await store.submit(job, demands_worker=False, queue_limit=QUEUE_LIMIT, watcher=GATEWAY)

    async with recorded(redis, key_names.gateway(GATEWAY)) as messages:
        await store.cancel(job.id, reason="", scope=CancelScope.ANY)

        assert len(await messages()) == 1


@pytest.mark.parametrize("is_joined", [True, False], ids=["joined", "repeated"])
async def test_gateway_that_repeats_or_joins_a_submit_is_told_too(
    redis: Redis, store: JobStore, *, is_joined: bool
) -> None:
    job = new_job(repeatable=("keyed-hash",))
    await store.submit(job, demands_worker=False, queue_limit=QUEUE_LIMIT, watcher=GATEWAY)
    second = new_job(repeatable=("keyed-hash",)) if is_joined else job
    await store.submit(second, demands_worker=False, queue_limit=QUEUE_LIMIT, watcher=OTHER)

    async with recorded(redis, key_names.gateway(GATEWAY)) as first, recorded(redis, key_names.gateway(OTHER)) as other:
        await store.cancel(job.id, reason="", scope=CancelScope.ANY)

        assert [len(await messages()) for messages in (first, other)] == [1, 1]


async def test_watched_job_is_read_in_the_same_step(jobs: Jobs) -> None:
    running, finished = await jobs.running(), await jobs.finished()

    for attempt in (running, finished):
        assert await jobs.store.watch(attempt.job_id, GATEWAY) == await jobs.stored(attempt.job_id)


async def test_unknown_job_is_none_and_is_not_begun(redis: Redis, store: JobStore) -> None:
    assert await store.watch(new_job_id(), GATEWAY) is None

    assert await redis.dbsize() == 0


async def test_followers_are_told_of_output_and_of_each_state(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued()
    await jobs.store.follow(job_id, GATEWAY)

    async with recorded(redis, key_names.gateway(GATEWAY)) as messages:
        attempt = (await jobs.claimed(job_id)).attempt
        assert await messages() == [job_id], "it runs"
        await jobs.store.append(attempt, sealed_events(1))
        assert await messages() == [job_id], "it has printed something"
        await jobs.store.settle(attempt, ending())
        assert await messages() == [job_id], "it has ended"

    assert notices.read(job_id.encode()) == job_id


@pytest.mark.parametrize("is_unfollowed", [True, False])
async def test_only_gateways_that_follow_are_told(redis: Redis, jobs: Jobs, *, is_unfollowed: bool) -> None:
    job_id = await jobs.queued()
    await jobs.store.follow(job_id, OTHER)
    if is_unfollowed:
        await jobs.store.follow(job_id, GATEWAY)
        await jobs.store.unfollow([job_id, new_job_id()], GATEWAY)

    async with recorded(redis, key_names.gateway(GATEWAY)) as messages:
        await jobs.claimed(job_id)

        assert await messages() == []


async def test_list_of_followers_has_a_lifetime_and_ends_with_the_job(redis: Redis, jobs: Jobs) -> None:
    attempt = await jobs.running(retention_s=120)
    await jobs.store.follow(attempt.job_id, GATEWAY)
    assert FOLLOWERS_S - 60 < await redis.ttl(key_names.FOLLOWERS + attempt.job_id) <= FOLLOWERS_S

    await jobs.store.settle(attempt, ending())
    assert 110 < await redis.ttl(key_names.FOLLOWERS + attempt.job_id) <= 120


async def test_last_gateway_that_follows_no_more_leaves_no_key(redis: Redis, jobs: Jobs) -> None:
    job_id = await jobs.queued()
    await jobs.store.follow(job_id, GATEWAY)

    await jobs.store.unfollow([job_id], GATEWAY)

    assert await redis.exists(key_names.FOLLOWERS + job_id) == 0


async def test_notice_contains_no_request_and_no_key_of_it(redis: Redis, jobs: Jobs) -> None:
    attempt = await jobs.running()
    await jobs.store.watch(attempt.job_id, GATEWAY)

    async with recorded(redis, key_names.gateway(GATEWAY)) as messages:
        await jobs.store.settle(attempt, ending())

        [message] = await messages()
    assert "request_key" not in json.loads(message)["record"]
    assert "sealed request" not in message
