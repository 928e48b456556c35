"""Submits that wait for their turn, and for a Redis that answers late or not at all."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

import pytest

from gateway.jobs import submitter as module
from gateway.jobs.submitter import SUBMITS_AT_ONCE, QueuedJob, Submitter
from shared.errors import ErrorCode, UnavailableError
from shared.models import JobId
from shared.redis import redis_connection
from shared.store import key_names
from shared.store.job_store import CancelScope, JobStore
from tests.support.channels import recorded
from tests.support.jobs import QUEUE_LIMIT, new_job
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

NEVER_S = 3_600.0
LONGER_THAN_RETRIES_MS = 2_500
TURN_S = 0.2
GATEWAY = "gateway-1"


@pytest.fixture
async def store(own_valkey: Valkey) -> AsyncIterator[JobStore]:
    redis = redis_connection.gateway_client(own_valkey.address, max_connections=SUBMITS_AT_ONCE)
    yield JobStore(redis)
    await redis.aclose()


@pytest.fixture
def submitter(store: JobStore) -> Submitter:
    return Submitter(store, queue_limit=QUEUE_LIMIT, gateway_id=GATEWAY)


def ids(answers: Iterable[object]) -> list[JobId]:
    """Of those that were queued."""
    return [answer.job.id for answer in answers if isinstance(answer, QueuedJob)]


async def test_who_gets_no_turn_is_told_so_and_never_queued(
    own_valkey: Valkey, store: JobStore, submitter: Submitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TURN_TIMEOUT_S", TURN_S)
    monkeypatch.setattr(module, "ATTEMPT_TIMEOUT_S", NEVER_S)
    first, late = [new_job() for _ in range(SUBMITS_AT_ONCE)], new_job()
    own_valkey.pause()
    async with asyncio.TaskGroup() as group:
        submitting = [group.create_task(submitter.submit(job, demands_worker=False)) for job in first]
        await wait_until(submitter._turns.locked)
        answer = await submitter.submit(late, demands_worker=False)
        own_valkey.resume()

    assert isinstance(answer, UnavailableError)
    assert (answer.code, answer.job_id) == (ErrorCode.GATEWAY_BUSY, None)
    assert ids([await each for each in submitting]) == [job.id for job in first]
    assert await store.read([late.id]) == [None]


async def test_turn_is_passed_on(submitter: Submitter) -> None:
    jobs = [new_job() for _ in range(3 * SUBMITS_AT_ONCE)]

    answers = await asyncio.gather(*(submitter.submit(job, demands_worker=False) for job in jobs))

    assert ids(answers) == [job.id for job in jobs]


async def test_late_answer_is_no_outage(store: JobStore, submitter: Submitter) -> None:
    """The clock of the retries runs from the first failure on."""
    await store._redis.client_pause(LONGER_THAN_RETRIES_MS)

    assert isinstance(await submitter.submit(new_job(), demands_worker=False), QueuedJob)


async def test_submit_goes_on_through_a_restart_of_redis(own_valkey: Valkey, submitter: Submitter) -> None:
    own_valkey.kill()
    submitting = asyncio.ensure_future(submitter.submit(new_job(), demands_worker=False))
    await asyncio.to_thread(own_valkey.start)

    assert isinstance(await submitting, QueuedJob)


@pytest.mark.parametrize("outage", [Valkey.kill, Valkey.pause], ids=["gone", "standing still"])
async def test_submit_that_stays_unanswered_gives_its_id(
    own_valkey: Valkey, submitter: Submitter, monkeypatch: pytest.MonkeyPatch, outage: Callable[[Valkey], None]
) -> None:
    monkeypatch.setattr(module, "ATTEMPT_TIMEOUT_S", TURN_S)
    monkeypatch.setattr(module, "RETRY_S", TURN_S)
    job = new_job()
    outage(own_valkey)

    answer = await submitter.submit(job, demands_worker=False)

    assert isinstance(answer, UnavailableError)
    assert (answer.code, answer.job_id) == (ErrorCode.STORE_UNAVAILABLE, job.id)


async def test_gateway_hears_of_the_end_of_what_it_has_submitted(store: JobStore, submitter: Submitter) -> None:
    job = new_job()
    await submitter.submit(job, demands_worker=False)

    async with recorded(store._redis, key_names.gateway(GATEWAY)) as messages:
        await store.cancel(job.id, reason="", scope=CancelScope.ANY)

        assert len(await messages()) == 1


async def test_submit_whose_answer_was_lost_is_not_taken_for_somebody_elses(submitter: Submitter) -> None:
    job = new_job()
    await submitter.submit(job, demands_worker=False)

    answer = await submitter.submit(job, demands_worker=False)

    assert isinstance(answer, QueuedJob)
    assert not answer.is_repeated
