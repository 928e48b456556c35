"""A lane whose claims no replica acknowledges begins no write, and loses none."""

from collections.abc import Iterator, Sequence

import pytest
from redis.asyncio import Redis

from shared.models import CommandClass, Lane
from shared.store import scripts
from shared.store.attempts import Attempt
from shared.store.job_store import JobStore
from shared.store.scripts import NotAcknowledgedError
from tests.support import valkey_pair
from tests.support.jobs import QUEUE_LIMIT, Jobs, new_job
from tests.support.lanes import Recorder, serving_lane
from tests.support.valkey_pair import ValkeyPair
from tests.support.waiting import wait_until
from worker import lane as module
from worker.leases import LeaseKeeper

SOON_MS = 50
SOON_S = 0.01


@pytest.fixture
def pair() -> Iterator[ValkeyPair]:
    with valkey_pair.running() as running:
        yield running


async def test_write_is_given_back_until_a_replica_knows_its_claim_and_is_then_run_once(
    pair: ValkeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, given_back = Recorder(), list[Attempt]()
    give_back = LeaseKeeper.give_back

    async def noted(leases: LeaseKeeper, attempts: Sequence[Attempt]) -> None:
        await give_back(leases, attempts)
        given_back.extend(attempts)

    monkeypatch.setattr(LeaseKeeper, "give_back", noted)
    monkeypatch.setattr(module, "RETRY_DELAY_S", SOON_S)
    async with (
        Redis.from_url(pair.primary.url) as redis,
        serving_lane(pair.primary.url, recorder.run_claim, name=Lane.SLOW) as lane,
    ):
        with monkeypatch.context() as patch:
            patch.setattr(scripts, "ACKNOWLEDGED_IN_MS", SOON_MS)
            pair.replica.pause()
            job = new_job(command_class=CommandClass.WRITE, lane=Lane.SLOW)
            with pytest.raises(NotAcknowledgedError):
                await JobStore(redis).submit(job, demands_worker=False, queue_limit=QUEUE_LIMIT)
            await wait_until(lambda: len(given_back) > 1)
            assert (recorder.started, lane.free_slots) == ({}, lane.max_jobs)
            pair.connect()

        await wait_until(lambda: recorder.ended == {job.id: 1})
        assert {attempt.job_id for attempt in given_back} == {job.id}
        assert (await Jobs(redis).stored(job.id)).record.attempt == 1
