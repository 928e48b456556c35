"""A server that has lost a claim, after a failover or with restored data, does not let a write run a second time."""

import pytest
from redis.asyncio import Redis

from shared.models import CommandClass, JobState, Lane
from shared.store import key_names
from shared.store.attempts import Attempt, Renewal
from tests.support.channels import recorded
from tests.support.jobs import Jobs, attempt_on, ending

GATEWAY = "gateway-1"
REASON = "Redis has lost data while the command ran"
CHANGING = [each for each in CommandClass if each is not CommandClass.READ]


async def with_lost_claim(jobs: Jobs, command_class: CommandClass) -> Attempt:
    """An attempt that a worker runs, and of which the server has only the submit."""
    return attempt_on(await jobs.queued(command_class=command_class))


@pytest.mark.parametrize("command_class", CHANGING)
async def test_write_that_runs_without_a_known_claim_ends_as_lost_when_its_worker_shows_it(
    redis: Redis, jobs: Jobs, command_class: CommandClass
) -> None:
    attempt = await with_lost_claim(jobs, command_class)
    await jobs.store.watch(attempt.job_id, GATEWAY)

    async with recorded(redis, key_names.gateway(GATEWAY)) as messages:
        assert (await jobs.store.renew([attempt])).answers == [Renewal.LOST]

        assert len(await messages()) == 1
    record = (await jobs.stored(attempt.job_id)).record
    assert (record.state, record.reason, record.request_key) == (JobState.LOST, REASON, None)
    assert await jobs.taken() == []
    assert await redis.exists(key_names.queue(Lane.FAST), key_names.QUEUED + Lane.FAST) == 0


@pytest.mark.parametrize("command_class", CHANGING)
async def test_write_that_has_ended_without_a_known_claim_ends_as_lost(jobs: Jobs, command_class: CommandClass) -> None:
    attempt = await with_lost_claim(jobs, command_class)

    assert not await jobs.store.settle(attempt, ending())

    stored = await jobs.stored(attempt.job_id)
    assert (stored.record.state, stored.record.reason, stored.response) == (JobState.LOST, REASON, None)


@pytest.mark.parametrize("is_settled", [True, False], ids=["settled", "shown"])
async def test_read_without_a_known_claim_stays_queued(jobs: Jobs, *, is_settled: bool) -> None:
    attempt = await with_lost_claim(jobs, CommandClass.READ)

    if is_settled:
        assert not await jobs.store.settle(attempt, ending())
    else:
        assert (await jobs.store.renew([attempt])).answers == [Renewal.LOST]

    assert await jobs.taken() == [attempt.job_id]


async def test_write_that_another_attempt_holds_goes_on(jobs: Jobs) -> None:
    holder = await jobs.running(command_class=CommandClass.WRITE)
    stranger = attempt_on(holder.job_id)

    assert (await jobs.store.renew([stranger])).answers == [Renewal.LOST]
    assert not await jobs.store.settle(stranger, ending())

    assert (await jobs.store.renew([holder])).answers == [Renewal.HELD]


async def test_answer_names_the_server(redis: Redis, jobs: Jobs) -> None:
    replication = await redis.info("replication")

    assert (await jobs.store.renew([])).server == replication["master_replid"]
