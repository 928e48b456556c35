"""Callers take turns in a lane's queue, so a long queue of one caller does not delay another's job."""

import pytest
from redis.asyncio import Redis

from shared.models import JobId, Lane
from shared.store import key_names
from shared.store.job_store import CancelScope
from shared.store.submits import Accepted
from tests.support.jobs import TOOL, Jobs, new_job

MANY = 1_000
OF_A_LANE = [key_names.TURN + Lane.FAST, key_names.TURNS + Lane.FAST]


async def queued(jobs: Jobs, share: str, count: int) -> list[JobId]:
    return [await jobs.queued(share=share) for _ in range(count)]


async def test_single_job_is_taken_at_the_next_take_however_many_of_another_wait(jobs: Jobs) -> None:
    many = [new_job(share="many") for _ in range(MANY)]
    for job in many:
        assert isinstance(await jobs.store.submit(job, demands_worker=False, queue_limit=2 * MANY), Accepted)
    assert await jobs.taken(most=3) == [job.id for job in many[:3]]

    single = await jobs.queued(share="single")

    assert single in await jobs.taken(most=2)


async def test_jobs_of_callers_come_in_turns_and_those_of_one_caller_in_order(jobs: Jobs) -> None:
    of_each = {share: await queued(jobs, share, 3) for share in ("a", "b", "c")}

    rounds = [await jobs.taken(most=len(of_each)) for _ in range(3)]

    assert [set(each) for each in rounds] == [set(each) for each in zip(*of_each.values(), strict=True)]


async def test_callers_with_one_job_each_are_served_in_the_order_of_arrival(jobs: Jobs) -> None:
    job_ids = [await jobs.queued(share=f"caller {number}") for number in range(20)]

    assert await jobs.taken() == job_ids


@pytest.mark.parametrize("jobs_of_the_patient", [1, 2])
async def test_new_callers_do_not_delay_a_waiting_job_for_ever(
    redis: Redis, jobs: Jobs, jobs_of_the_patient: int
) -> None:
    """As many callers come as jobs are taken, each with a credential of its own."""
    for number in range(10):
        await jobs.queued(share=f"early {number}")
    waiting = set(await queued(jobs, "patient", jobs_of_the_patient))

    passed = 0
    while waiting:
        await jobs.queued(share=f"late {passed}")
        waiting -= set(await jobs.taken(most=1))
        passed += 1

    assert passed < 40
    assert await redis.zcard(key_names.TURNS + Lane.FAST) < 40


async def test_job_that_is_queued_again_keeps_its_turn(jobs: Jobs) -> None:
    job_id = await jobs.queued(share="first")
    others = [await jobs.queued(share=f"other {number}") for number in range(3)]
    first = await jobs.claimed(job_id)
    await jobs.store.give_back([first.attempt])

    assert await jobs.taken() == [first.record.id, *others]


async def test_jobs_without_a_share_are_taken_in_the_order_of_arrival(jobs: Jobs) -> None:
    job_ids = await queued(jobs, "", 5)

    assert await jobs.taken() == job_ids


async def test_caller_that_was_away_has_saved_no_turns(jobs: Jobs) -> None:
    """It comes next, but then takes turns with the others instead of making up for what it never asked for."""
    busy = await queued(jobs, "busy", 8)
    await jobs.taken(most=5)
    returning = await queued(jobs, "returning", 3)

    assert await jobs.taken(most=1) == returning[:1]
    assert set(await jobs.taken(most=2)) == {returning[1], busy[5]}
    assert set(await jobs.taken(most=2)) == {returning[2], busy[6]}
    assert await jobs.taken() == busy[7:]


async def test_lanes_have_turns_of_their_own(jobs: Jobs) -> None:
    await queued(jobs, "many", 5)
    slow = [await jobs.queued(share=share, lane=Lane.SLOW) for share in ("many", "single")]

    assert set(await jobs.taken(Lane.SLOW)) == set(slow)


@pytest.mark.parametrize("last", ["taken", "cancelled", "expired"])
async def test_turns_are_forgotten_when_the_queue_is_empty(redis: Redis, jobs: Jobs, last: str) -> None:
    await queued(jobs, "a", 3)
    await queued(jobs, "b", 1)
    await jobs.taken(most=3)
    assert await redis.exists(*OF_A_LANE) == 2
    [left] = [JobId(name.decode()) for name in await redis.zrange(key_names.queue(Lane.FAST), 0, -1)]

    if last == "taken":
        assert await jobs.taken() == [left]
    elif last == "cancelled":
        await jobs.store.cancel(left, reason="", scope=CancelScope.ANY)
    else:
        await jobs.let_queue_wait_end(left)
        await jobs.store.sweep(settle_leases=False)

    assert await redis.exists(*OF_A_LANE, key_names.queue(Lane.FAST)) == 0


async def test_cancelled_job_gives_its_turn_back(redis: Redis, jobs: Jobs) -> None:
    await jobs.queued(share="other")
    cancelled = await queued(jobs, "a", 10)
    for job_id in cancelled:
        await jobs.store.cancel(job_id, reason="", scope=CancelScope.ANY)

    job_id = await jobs.queued(share="a")

    assert (await redis.zscore(key_names.queue(Lane.FAST), job_id) or 0) < 1


async def test_jobs_that_a_worker_passes_over_keep_their_turns(jobs: Jobs) -> None:
    passed_over = [await jobs.queued(share="a", tool="helm") for _ in range(2)]
    await jobs.queued(share="a")
    await jobs.taken(tools=[TOOL])

    later = await jobs.queued(share="b", tool="helm")

    assert await jobs.taken(tools=["helm"]) == [*passed_over, later]
