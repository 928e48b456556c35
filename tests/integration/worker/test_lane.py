"""A lane on a real server, its jobs being functions of the tests' own."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.models import CommandClass, JobState, Lane
from shared.store import key_names
from shared.store.attempts import Claim, UnknownServer
from shared.store.job_store import JobStore
from tests.support.jobs import TOOL, Jobs, attempt_on
from tests.support.lanes import Recorder, idle_lane, is_listening, listening, serving_lane
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until
from worker import lane as module
from worker.lane import LaneWorker

SOON_S = 0.01


@pytest.fixture
def jobs(redis: Redis) -> Jobs:
    return Jobs(redis)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


async def test_submitted_job_is_run_without_the_poll(redis_url: str, jobs: Jobs, recorder: Recorder) -> None:
    async with serving_lane(redis_url, recorder.run_claim):
        job_id = await jobs.queued()

        await wait_until(lambda: recorder.ended == {job_id: 1})


async def test_job_of_the_other_lane_is_left_alone(redis_url: str, jobs: Jobs, recorder: Recorder) -> None:
    async with serving_lane(redis_url, recorder.run_claim):
        slow_job_id = await jobs.queued(lane=Lane.SLOW)
        job_id = await jobs.queued()
        await wait_until(lambda: recorder.ended == {job_id: 1})

    assert await jobs.wake_tokens(Lane.SLOW) == [slow_job_id]


async def test_job_whose_wake_token_was_lost_is_found_by_the_poll(
    redis: Redis, redis_url: str, jobs: Jobs, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_INTERVAL_S", SOON_S)
    job_id = await jobs.queued()
    await redis.delete(key_names.wake(Lane.FAST, TOOL), key_names.queue(Lane.FAST))

    async with serving_lane(redis_url, recorder.run_claim, polls=True):
        await redis.zadd(key_names.queue(Lane.FAST), {job_id: 0})
        await wait_until(lambda: recorder.ended == {job_id: 1})


async def test_jobs_without_tokens_are_taken_as_long_as_there_are_any(
    redis: Redis, redis_url: str, jobs: Jobs, recorder: Recorder
) -> None:
    recorder.gate.clear()
    async with serving_lane(redis_url, recorder.run_claim, slots=1):
        first = await jobs.queued()
        await wait_until(lambda: recorder.started == {first: 1})
        job_ids = [first, *[await jobs.queued() for _ in range(3)]]
        await redis.delete(key_names.wake(Lane.FAST, TOOL))

        recorder.gate.set()

        await wait_until(lambda: recorder.ended == dict.fromkeys(job_ids, 1))


async def test_full_lane_leaves_tokens_for_others(redis_url: str, jobs: Jobs, recorder: Recorder) -> None:
    recorder.gate.clear()
    async with serving_lane(redis_url, recorder.run_claim, slots=1) as lane:
        first = await jobs.queued()
        await wait_until(lambda: recorder.started == {first: 1})
        second = await jobs.queued()

        assert lane.free_slots == 0
        assert not await is_listening(lane)
        assert await jobs.wake_tokens() == [second]

        recorder.gate.set()
        await wait_until(lambda: recorder.ended == {first: 1, second: 1})


async def test_burst_is_run_to_its_end_within_the_slots(redis_url: str, jobs: Jobs, recorder: Recorder) -> None:
    async with serving_lane(redis_url, recorder.run_claim, slots=3):
        job_ids = await asyncio.gather(*(jobs.queued() for _ in range(60)))

        await wait_until(lambda: recorder.ended == dict.fromkeys(job_ids, 1), timeout_s=60)
    assert recorder.most_at_once <= 3


async def test_two_lanes_share_the_jobs_and_run_none_twice(redis_url: str, jobs: Jobs, recorder: Recorder) -> None:
    async with serving_lane(redis_url, recorder.run_claim), serving_lane(redis_url, recorder.run_claim):
        job_ids = await asyncio.gather(*(jobs.queued() for _ in range(60)))

        await wait_until(lambda: recorder.ended.total() >= len(job_ids), timeout_s=60)
    assert recorder.ended == dict.fromkeys(job_ids, 1)


async def test_ended_job_leaves_neither_queue_nor_turns_behind(
    redis: Redis, redis_url: str, jobs: Jobs, recorder: Recorder
) -> None:
    async with serving_lane(redis_url, recorder.run_claim):
        await jobs.queued()
        await wait_until(lambda: recorder.ended.total() == 1)

    prefixes = (key_names.QUEUE, key_names.QUEUED, key_names.TURN, key_names.TURNS)
    assert await redis.exists(*(prefix + Lane.FAST for prefix in prefixes)) == 0


async def test_job_goes_straight_to_the_lane_that_has_its_tool(redis_url: str, jobs: Jobs) -> None:
    """However many listen without it, and all on their wake lists alone."""
    lacking, having = Recorder(), Recorder()
    async with AsyncExitStack() as stack:
        for recorder, tools in [(lacking, [TOOL]), (lacking, [TOOL]), (having, ["argocd", "helm", TOOL])]:
            lane = await stack.enter_async_context(serving_lane(redis_url, recorder.run_claim, tools=tools))
        await wait_until(lambda: _all_listen(lane, 3))
        job_ids = [await jobs.queued(tool="helm") for _ in range(5)]

        await wait_until(lambda: having.ended == dict.fromkeys(job_ids, 1))
    assert not lacking.started


async def test_poll_leaves_jobs_of_other_tools_queued(redis_url: str, jobs: Jobs) -> None:
    lacking, having = Recorder(), Recorder()
    job_id = await jobs.queued(tool="helm")
    async with idle_lane(redis_url, lacking.run_claim) as lane:
        await lane._poll_iteration()
        assert not lane.tasks

    async with serving_lane(redis_url, having.run_claim, tools=["helm"]):
        await wait_until(lambda: having.ended == {job_id: 1})


async def test_crowd_of_one_caller_is_passed_by_another_whatever_their_tools(
    redis_url: str, jobs: Jobs, recorder: Recorder
) -> None:
    """One slot: the other caller's job comes next, or after one of the crowd."""
    recorder.gate.clear()
    async with serving_lane(redis_url, recorder.run_claim, slots=1, tools=["argocd", TOOL]):
        await jobs.queued(tool="argocd")
        await wait_until(lambda: recorder.started.total() == 1)
        crowd = [await jobs.queued(tool="argocd", share="crowd") for _ in range(10)]
        job_id = await jobs.queued(share="single")
        recorder.gate.set()
        await wait_until(lambda: recorder.ended.total() == 12)
    assert [*recorder.started].index(job_id) <= 2
    assert set(crowd) < set(recorder.started)


async def test_read_that_is_taken_again_while_its_first_attempt_ends_has_a_task_of_its_own(
    redis_url: str, jobs: Jobs, recorder: Recorder
) -> None:
    recorder.gate.clear()
    async with serving_lane(redis_url, recorder.run_claim) as lane:
        job_id = await jobs.queued()
        await wait_until(lambda: recorder.started == {job_id: 1})
        await jobs.let_lease_end(job_id)
        await jobs.store.sweep(settle_leases=True)

        await wait_until(lambda: recorder.started == {job_id: 2})

        assert (len(lane.tasks), lane.free_slots) == (2, 0)
        recorder.gate.set()
        await wait_until(lambda: lane.free_slots == 2)


async def test_job_function_that_fails_frees_its_slot(redis_url: str, jobs: Jobs, recorder: Recorder) -> None:
    async def fail_once(claim: Claim) -> None:
        await recorder.run_claim(claim)
        if recorder.ended.total() == 1:
            raise RuntimeError("broken")

    async with serving_lane(redis_url, fail_once, slots=1):
        await jobs.queued()
        await wait_until(lambda: recorder.ended.total() == 1)
        second = await jobs.queued()

        await wait_until(lambda: recorder.ended[second] == 1)


async def test_idle_lane_survives_a_restart_of_redis(own_valkey: Valkey, recorder: Recorder) -> None:
    async with Redis.from_url(own_valkey.url) as redis, serving_lane(own_valkey.url, recorder.run_claim, polls=True):
        own_valkey.restart()
        job_id = await Jobs(redis).queued()

        await wait_until(lambda: recorder.ended == {job_id: 1}, timeout_s=60)


async def test_jobs_of_before_an_outage_are_run_after_it(own_valkey: Valkey, recorder: Recorder) -> None:
    recorder.gate.clear()
    serving = serving_lane(own_valkey.url, recorder.run_claim, slots=1, polls=True)
    async with Redis.from_url(own_valkey.url) as redis, serving as lane:
        first, second = [await Jobs(redis).queued() for _ in range(2)]
        await wait_until(lambda: recorder.started == {first: 1})
        own_valkey.kill()
        recorder.gate.set()
        await wait_until(lambda: lane.free_slots == 1, timeout_s=60)
        own_valkey.start()

        await wait_until(lambda: recorder.ended[second] == 1, timeout_s=60)
    assert recorder.ended[first] == 1


async def test_stopped_lane_takes_nothing_by_poll_or_wake(redis_url: str, jobs: Jobs, recorder: Recorder) -> None:
    job_id = await jobs.queued()
    async with idle_lane(redis_url, recorder.run_claim) as lane:
        lane.stop_taking_jobs()
        await lane._poll_iteration()
        await lane.start_jobs([job_id.encode()])
        assert not lane.tasks

    assert not recorder.started
    assert await jobs.wake_tokens() == [job_id]


async def test_lane_that_is_stopped_while_it_listens_takes_no_job(
    redis_url: str, jobs: Jobs, recorder: Recorder
) -> None:
    async with serving_lane(redis_url, recorder.run_claim) as lane:
        lane.stop_taking_jobs()
        job_id = await jobs.queued()

        async def listens_no_more() -> bool:
            return not await is_listening(lane)

        await wait_until(listens_no_more)
        await wait_until(lambda: recorder.started or jobs.wake_tokens())
        assert await jobs.wake_tokens() == [job_id]
    assert not recorder.started


async def test_stopped_lane_is_idle_when_its_running_jobs_have_ended(
    redis_url: str, jobs: Jobs, recorder: Recorder
) -> None:
    recorder.gate.clear()
    await jobs.queued()
    async with idle_lane(redis_url, recorder.run_claim) as lane:
        await lane._poll_iteration()
        lane.stop_taking_jobs()
        idle = asyncio.create_task(lane.wait_until_idle())
        await wait_until(lambda: recorder.started.total() == 1)
        assert not idle.done()

        recorder.gate.set()
        await idle

        assert recorder.ended.total() == 1


async def test_lane_that_is_left_while_redis_is_away_has_no_task(own_valkey: Valkey, recorder: Recorder) -> None:
    recorder.gate.clear()
    async with Redis.from_url(own_valkey.url) as redis, idle_lane(own_valkey.url, recorder.run_claim) as lane:
        await lane.start_jobs([(await Jobs(redis).queued()).encode()])
        await wait_until(lambda: recorder.started.total() == 1)
        [task] = lane.tasks.values()
        own_valkey.kill()

        assert await lane.leave_jobs() == 1

        assert task.cancelled()
        assert await lane.leave_jobs() == 0


async def test_take_is_repeated_until_redis_answers(own_valkey: Valkey, recorder: Recorder) -> None:
    async with Redis.from_url(own_valkey.url) as redis, idle_lane(own_valkey.url, recorder.run_claim) as lane:
        job_id = await Jobs(redis).queued()
        own_valkey.kill()
        taking = asyncio.create_task(lane.start_jobs([job_id.encode()]))
        await asyncio.to_thread(own_valkey.start)

        await taking

        await wait_until(lambda: recorder.ended == {job_id: 1})


async def test_take_whose_answer_was_lost_loses_no_job(
    redis_url: str, jobs: Jobs, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, fences = JobStore.take, []

    async def take_and_lose(store: JobStore, lane: Lane, **arguments: Any) -> list[Claim] | UnknownServer:
        fences.append(arguments["fence"])
        answer = await take(store, lane, **arguments)
        if isinstance(answer, list) and len(set(fences)) == 1 and len(fences) < 3:
            raise RedisConnectionError("the answer was lost")
        return answer

    monkeypatch.setattr(JobStore, "take", take_and_lose)
    monkeypatch.setattr(module, "RETRY_DELAY_S", SOON_S)
    job_ids = [await jobs.queued() for _ in range(2)]
    async with idle_lane(redis_url, recorder.run_claim) as lane:
        await lane._poll_iteration()

        await wait_until(lambda: recorder.ended == dict.fromkeys(job_ids, 1))


async def test_stopped_lane_does_not_wait_for_a_redis_that_is_away(own_valkey: Valkey, recorder: Recorder) -> None:
    async with idle_lane(own_valkey.url, recorder.run_claim) as lane:
        own_valkey.kill()
        taking = asyncio.create_task(lane.start_jobs([b"0" * 48]))
        await wait_until(lane._taking.locked)

        lane.stop_taking_jobs()
        await taking

        assert lane.free_slots == 2


async def test_lane_that_meets_another_server_shows_its_tokens_before_it_takes_jobs(
    redis_url: str, jobs: Jobs, recorder: Recorder
) -> None:
    """So a write whose claim that server does not know is killed here, and is not run again."""
    running = attempt_on(await jobs.queued(command_class=CommandClass.WRITE))
    job_id = await jobs.queued()
    async with idle_lane(redis_url, recorder.run_claim) as lane:
        lane._leases.server = "0" * 40
        with lane._leases.hold(running) as control:
            await lane._poll_iteration()

            assert control.is_lost
        await wait_until(lambda: recorder.ended == {job_id: 1})
        assert lane._leases.server == (await jobs.store.renew([])).server
    assert await jobs.state(running.job_id) is JobState.LOST


async def _all_listen(lane: LaneWorker, count: int) -> bool:
    return await listening(lane) == count
