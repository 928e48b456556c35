"""What a caller is told is on a replica first, where there is one."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.models import CommandClass, JobId, JobState, Lane
from shared.redis.replicas import KnownReplicas, Replicas
from shared.store import key_names, scripts
from shared.store.attempts import Attempt, Claim, Renewal, UnacknowledgedClaimsError, UnknownServer
from shared.store.job_store import CancelScope, JobStore
from shared.store.scripts import NotAcknowledgedError, Scripts
from shared.store.submits import Accepted, NewJob, SubmitRefusal
from tests.support import valkey_pair
from tests.support.channels import recorded
from tests.support.jobs import QUEUE_LIMIT, TOOL, WORKER_ID, Jobs, ending, new_job
from tests.support.valkey_pair import ValkeyPair

GATEWAY = "gateway-1"
SOON_MS = 50
WRITE = {"command_class": CommandClass.WRITE, "lane": Lane.SLOW}


@pytest.fixture(scope="module")
def running_pair() -> Iterator[ValkeyPair]:
    with valkey_pair.running() as pair:
        yield pair


@pytest.fixture
async def pair(running_pair: ValkeyPair) -> ValkeyPair:
    """An empty pair that is connected."""
    async with Redis.from_url(running_pair.primary.url) as client:
        await client.flushall()
    return running_pair


@contextmanager
def standing_still(pair: ValkeyPair) -> Iterator[None]:
    """The replica acknowledges nothing, and nobody waits for it for long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scripts, "ACKNOWLEDGED_IN_MS", SOON_MS)
        pair.replica.pause()
        try:
            yield
        finally:
            pair.connect()


@pytest.fixture
async def primary(pair: ValkeyPair) -> AsyncIterator[Redis]:
    async with Redis.from_url(pair.primary.url) as client:
        yield client


@pytest.fixture
async def replica(pair: ValkeyPair) -> AsyncIterator[Redis]:
    async with Redis.from_url(pair.replica.url) as client:
        yield client


@pytest.fixture
def jobs(primary: Redis) -> Jobs:
    return Jobs(primary)


async def submitted(store: JobStore, job: NewJob, *, queue_limit: int = QUEUE_LIMIT) -> object:
    return await store.submit(job, demands_worker=False, queue_limit=queue_limit, watcher=GATEWAY)


async def taken(store: JobStore, lane: Lane, fence: str = "fence-1") -> list[Claim]:
    server = (await store.renew([])).server
    claims = await store.take(lane, worker_id=WORKER_ID, tools=[TOOL], most=10, fence=fence, server=server)
    assert isinstance(claims, list)
    return claims


async def calls_of(redis: Redis, command: str) -> int:
    statistics = await redis.info("commandstats")
    return int(statistics.get(f"cmdstat_{command}", {}).get("calls", 0))


async def state_on(replica: Redis, job_id: JobId) -> str:
    async with replica.pipeline() as pipe:
        pipe.hget(key_names.JOB + job_id, "state")
        [state] = await pipe.execute()
    return state.decode() if state else ""


async def test_what_was_promised_is_on_the_replica(jobs: Jobs, replica: Redis) -> None:
    job = new_job(**WRITE)

    assert isinstance(await submitted(jobs.store, job), Accepted)
    assert await state_on(replica, job.id) == "queued"

    [claim] = await taken(jobs.store, Lane.SLOW)
    assert await state_on(replica, job.id) == "running"

    assert await jobs.store.settle(claim.attempt, ending())
    assert await state_on(replica, job.id) == "succeeded"


async def test_submit_that_no_replica_has_is_no_promise_and_may_be_repeated(
    pair: ValkeyPair, jobs: Jobs, replica: Redis
) -> None:
    job = new_job()
    with standing_still(pair):
        for _ in range(2):
            with pytest.raises(NotAcknowledgedError):
                await submitted(jobs.store, job)

    answer = await submitted(jobs.store, job)

    assert isinstance(answer, Accepted)
    assert answer.is_repeated
    assert await state_on(replica, job.id) == "queued"


async def test_refusal_is_told_without_a_replica(pair: ValkeyPair, jobs: Jobs) -> None:
    await submitted(jobs.store, new_job())

    with standing_still(pair):
        assert await submitted(jobs.store, new_job(), queue_limit=0) is SubmitRefusal.QUEUE_FULL


async def test_end_that_no_replica_has_is_told_to_no_waiter_until_one_has_it(
    pair: ValkeyPair, jobs: Jobs, primary: Redis
) -> None:
    job = new_job(**WRITE)
    await submitted(jobs.store, job)
    [claim] = await taken(jobs.store, Lane.SLOW)

    async with recorded(primary, key_names.gateway(GATEWAY)) as messages:
        with standing_still(pair):
            for _ in range(2):
                with pytest.raises(NotAcknowledgedError):
                    await jobs.store.settle(claim.attempt, ending())
            assert await messages() == []
            assert await jobs.state(job.id) is JobState.RUNNING
            assert (await jobs.store.renew([claim.attempt])).answers == [Renewal.HELD]

        for _ in range(2):
            assert await jobs.store.settle(claim.attempt, ending())

        assert len(await messages()) == 1
    assert await jobs.state(job.id) is JobState.SUCCEEDED


async def test_claims_of_the_slow_lane_that_no_replica_has_are_given_back(
    pair: ValkeyPair, jobs: Jobs, replica: Redis
) -> None:
    job_ids = [await jobs.queued(**WRITE) for _ in range(2)]

    with standing_still(pair), pytest.raises(UnacknowledgedClaimsError) as caught:
        await taken(jobs.store, Lane.SLOW)
    assert caught.value.attempts == {Attempt(job_id, "fence-1") for job_id in job_ids}
    await jobs.store.give_back(caught.value.attempts)
    assert [(await jobs.stored(job_id)).record.attempt for job_id in job_ids] == [0, 0]

    claims = await taken(jobs.store, Lane.SLOW, "fence-2")

    assert {claim.record.id for claim in claims} == set(job_ids)
    assert [await state_on(replica, job_id) for job_id in job_ids] == ["running"] * 2


async def test_empty_slow_lane_is_no_error(pair: ValkeyPair, jobs: Jobs) -> None:
    await taken(jobs.store, Lane.SLOW)

    with standing_still(pair):
        assert await taken(jobs.store, Lane.SLOW, "fence-2") == []


async def test_reads_of_the_fast_lane_wait_for_no_replica(pair: ValkeyPair, jobs: Jobs, primary: Redis) -> None:
    job_id = await jobs.queued()
    before = await calls_of(primary, "wait")

    with standing_still(pair):
        [claim] = await taken(jobs.store, Lane.FAST)
        assert await calls_of(primary, "wait") == before

    assert claim.record.id == job_id


async def test_script_and_wait_go_in_one_step_once_the_replica_is_known(jobs: Jobs, primary: Redis) -> None:
    await submitted(jobs.store, new_job())
    before = [await calls_of(primary, command) for command in ("evalsha", "wait")]

    await submitted(jobs.store, new_job())

    after = [await calls_of(primary, command) for command in ("evalsha", "wait")]
    assert [later - earlier for earlier, later in zip(before, after, strict=True)] == [1, 1]


async def test_scripts_that_the_server_has_forgotten_are_loaded_again(jobs: Jobs, primary: Redis) -> None:
    await submitted(jobs.store, new_job())
    await primary.script_flush()

    job = new_job()

    assert isinstance(await submitted(jobs.store, job), Accepted)
    assert await jobs.state(job.id) is JobState.QUEUED


async def test_error_of_an_acknowledged_script_quotes_no_argument(primary: Redis) -> None:
    calls = Scripts(primary, Replicas(lambda: KnownReplicas(expected=True)))

    with pytest.raises(ResponseError) as caught:
        await calls.call_acknowledged("submit", "canary")

    assert "canary" not in f"{caught.value!r} {caught.value}"
    assert "canary" not in str(NotAcknowledgedError([b"canary"]))


async def test_server_without_replicas_is_asked_for_none(redis: Redis) -> None:
    jobs = Jobs(redis)
    before = await calls_of(redis, "wait")

    attempt = await jobs.running(**WRITE)
    assert await jobs.store.settle(attempt, ending())

    assert await calls_of(redis, "wait") == before
    assert await jobs.state(attempt.job_id) is JobState.SUCCEEDED


async def test_replica_that_others_know_is_waited_for_while_it_is_away(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts, "ACKNOWLEDGED_IN_MS", SOON_MS)
    store = JobStore(redis, Replicas(lambda: KnownReplicas(expected=True)))

    with pytest.raises(NotAcknowledgedError):
        await submitted(store, new_job())


async def test_replica_that_has_left_for_good_is_not_waited_for_any_more(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts, "ACKNOWLEDGED_IN_MS", SOON_MS)
    replicas, job = Replicas(), new_job()
    replicas.seen(1)
    store = JobStore(redis, replicas)
    with pytest.raises(NotAcknowledgedError):
        await submitted(store, job)

    assert isinstance(await submitted(store, job), Accepted)


async def test_cancellation_that_no_replica_has_is_told_to_nobody(pair: ValkeyPair, jobs: Jobs, primary: Redis) -> None:
    """After a failover the write might run, so its caller must not hear that it will not."""
    job = new_job(**WRITE)
    await submitted(jobs.store, job)

    async with recorded(primary, key_names.gateway(GATEWAY)) as messages:
        with standing_still(pair):
            with pytest.raises(NotAcknowledgedError):
                await jobs.store.cancel(job.id, reason="", scope=CancelScope.ANY)
            assert await messages() == []
            assert await jobs.state(job.id) is JobState.QUEUED

        assert await jobs.store.cancel(job.id, reason="", scope=CancelScope.ANY) is JobState.CANCELLED
        assert len(await messages()) == 1
    assert await jobs.state(job.id) is JobState.CANCELLED


async def test_unknown_server_is_told_although_no_replica_acknowledges_that(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lane that took this for claims to be given back would forget what its call before had taken."""
    monkeypatch.setattr(scripts, "ACKNOWLEDGED_IN_MS", SOON_MS)
    store = JobStore(redis, Replicas(lambda: KnownReplicas(expected=True)))

    answer = await store.take(Lane.SLOW, worker_id=WORKER_ID, tools=[TOOL], most=1, fence="f", server="another")

    assert answer is UnknownServer.SHOW_TOKENS
