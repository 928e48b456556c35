"""A lane on a real server, its jobs being functions of the tests' own."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.models import JobId, Lane
from shared.store import key_names
from shared.store.job_store import JobStore
from tests.support.jobs import TOOL, Jobs
from tests.support.lanes import Recorder, idle_lane, is_listening, listening, serving_lane
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until
from worker.lane import LaneWorker


@pytest.fixture
def jobs(redis: Redis) -> Jobs:
    return Jobs(redis)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


async def test_submitted_job_is_run_without_the_poll(redis_url: str, jobs: Jobs, recorder: Recorder) -> None:
    async with serving_lane(redis_url, recorder.run_job):
        job_id = await jobs.queued()

        await wait_until(lambda: recorder.ended == {job_id: 1})


async def test_job_of_the_other_lane_is_left_alone(redis_url: str, jobs: Jobs, recorder: Recorder) -> None:
    async with serving_lane(redis_url, recorder.run_job):
        slow_job_id = await jobs.queued(lane=Lane.SLOW)
        job_id = await jobs.queued()
        await wait_until(lambda: recorder.ended == {job_id: 1})

    assert await jobs.wake_tokens(Lane.SLOW) == [slow_job_id]


async def test_job_whose_wake_token_was_lost_is_found_by_the_poll(
    redis: Redis, redis_url: str, jobs: Jobs, recorder: Recorder
) -> None:
    job_id = await jobs.queued()
    await redis.delete(key_names.wake(Lane.FAST, TOOL))

    async with serving_lane(redis_url, recorder.run_job, polls=True):
        await wait_until(lambda: recorder.ended == {job_id: 1})


async def test_full_lane_leaves_tokens_for_others(redis_url: str, jobs: Jobs, recorder: Recorder) -> None:
    recorder.gate.clear()
    async with serving_lane(redis_url, recorder.run_job, slots=1) as lane:
        first = await jobs.queued()
        await wait_until(lambda: recorder.started == {first: 1})
        second = await jobs.queued()

        assert lane.free_slots == 0
        assert not await is_listening(lane)
        assert await jobs.wake_tokens() == [second]

        recorder.gate.set()
        await wait_until(lambda: recorder.ended == {first: 1, second: 1})


async def test_burst_is_run_to_its_end_within_the_slots(redis_url: str, jobs: Jobs, recorder: Recorder) -> None:
    async with serving_lane(redis_url, recorder.run_job, slots=3):
        job_ids = await asyncio.gather(*(jobs.queued() for _ in range(60)))

        await wait_until(lambda: recorder.ended == dict.fromkeys(job_ids, 1), timeout_s=60)
    assert recorder.most_at_once <= 3


async def test_two_lanes_share_the_jobs_and_run_none_twice(redis_url: str, jobs: Jobs, recorder: Recorder) -> None:
    async with serving_lane(redis_url, recorder.run_job), serving_lane(redis_url, recorder.run_job):
        job_ids = await asyncio.gather(*(jobs.queued() for _ in range(60)))

        await wait_until(lambda: recorder.ended.total() >= len(job_ids), timeout_s=60)
    assert recorder.ended == dict.fromkeys(job_ids, 1)


async def test_ended_job_leaves_nothing_of_arq_behind(
    redis: Redis, redis_url: str, jobs: Jobs, recorder: Recorder
) -> None:
    async with serving_lane(redis_url, recorder.run_job):
        await jobs.queued()

        async def is_tidy() -> bool:
            return not await redis.keys("arq:*") and not await redis.exists(key_names.queue(Lane.FAST))

        await wait_until(lambda: recorder.ended.total() == 1)
        await wait_until(is_tidy)


async def test_job_goes_straight_to_the_lane_that_has_its_tool(redis_url: str, jobs: Jobs) -> None:
    """However many listen without it, and all on their wake lists alone."""
    lacking, having = Recorder(), Recorder()
    async with AsyncExitStack() as stack:
        for recorder, tools in [(lacking, [TOOL]), (lacking, [TOOL]), (having, ["argocd", "helm", TOOL])]:
            lane = await stack.enter_async_context(serving_lane(redis_url, recorder.run_job, tools=tools))
        await wait_until(lambda: _all_listen(lane, 3))
        job_ids = [await jobs.queued(tool="helm") for _ in range(5)]

        await wait_until(lambda: having.ended == dict.fromkeys(job_ids, 1))
    assert not lacking.started


async def test_poll_leaves_jobs_of_other_tools_unmarked(redis: Redis, redis_url: str, jobs: Jobs) -> None:
    lacking, having = Recorder(), Recorder()
    job_id = await jobs.queued(tool="helm")
    async with idle_lane(redis_url, lacking.run_job) as lane:
        await lane._poll_iteration()
        assert not lane.tasks
        assert await redis.exists(key_names.ARQ_IN_PROGRESS + job_id) == 0

    async with serving_lane(redis_url, having.run_job, tools=["helm"]):
        await wait_until(lambda: having.ended == {job_id: 1})


async def test_no_tool_is_served_before_all_others(redis_url: str, jobs: Jobs, recorder: Recorder) -> None:
    """One slot and a crowd of one tool: a job of another comes second or third, not last."""
    recorder.gate.clear()
    async with serving_lane(redis_url, recorder.run_job, slots=1, tools=["argocd", "kubectl"]):
        await jobs.queued(tool="argocd")
        await wait_until(lambda: recorder.started.total() == 1)
        crowd = [await jobs.queued(tool="argocd") for _ in range(10)]
        job_id = await jobs.queued(tool="kubectl")
        recorder.gate.set()
        await wait_until(lambda: recorder.ended.total() == 12)
    assert [*recorder.started].index(job_id) <= 3
    assert set(crowd) < set(recorder.started)


async def test_job_function_that_fails_frees_its_slot(redis_url: str, jobs: Jobs, recorder: Recorder) -> None:
    async def fail_once(job_id: JobId) -> None:
        await recorder.run_job(job_id)
        if recorder.ended.total() == 1:
            raise RuntimeError("broken")

    async with serving_lane(redis_url, fail_once, slots=1):
        await jobs.queued()
        await wait_until(lambda: recorder.ended.total() == 1)
        second = await jobs.queued()

        await wait_until(lambda: recorder.ended[second] == 1)


async def test_idle_lane_survives_a_restart_of_redis(own_valkey: Valkey, recorder: Recorder) -> None:
    async with Redis.from_url(own_valkey.url) as redis, serving_lane(own_valkey.url, recorder.run_job, polls=True):
        own_valkey.restart()
        job_id = await Jobs(redis).queued()

        await wait_until(lambda: recorder.ended == {job_id: 1}, timeout_s=60)


async def test_jobs_of_before_an_outage_are_run_after_it(own_valkey: Valkey, recorder: Recorder) -> None:
    recorder.gate.clear()
    serving = serving_lane(own_valkey.url, recorder.run_job, slots=1, polls=True)
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
    async with idle_lane(redis_url, recorder.run_job) as lane:
        lane.stop_taking_jobs()
        await lane._poll_iteration()
        await lane.start_jobs([job_id.encode()])
        assert not lane.tasks

    assert not recorder.started
    assert await jobs.wake_tokens() == [job_id]


async def test_lane_that_is_stopped_while_it_listens_takes_no_job(
    redis_url: str, jobs: Jobs, recorder: Recorder
) -> None:
    async with serving_lane(redis_url, recorder.run_job) as lane:
        lane.stop_taking_jobs()
        job_id = await jobs.queued()

        async def listens_no_more() -> bool:
            return not await is_listening(lane)

        await wait_until(listens_no_more)
        await wait_until(lambda: recorder.started or jobs.wake_tokens())
        assert await jobs.wake_tokens() == [job_id]
    assert not recorder.started


async def test_lane_that_is_left_while_redis_is_away_has_no_task_and_no_unseen_error(
    own_valkey: Valkey, recorder: Recorder
) -> None:
    recorder.gate.clear()
    async with Redis.from_url(own_valkey.url) as redis, idle_lane(own_valkey.url, recorder.run_job) as lane:
        await lane.start_jobs([(await Jobs(redis).queued()).encode()])
        await wait_until(lambda: recorder.started.total() == 1)
        [task] = lane.tasks.values()
        own_valkey.kill()

        assert await lane.leave_jobs() == 1

        assert isinstance(task.exception(), (RedisError, OSError)), "arq tidies up, and cannot"
        assert await lane.leave_jobs() == 0


async def test_leaving_waits_for_what_arq_still_tidies_up(
    redis_url: str, jobs: Jobs, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    tidying, allowed = asyncio.Event(), asyncio.Event()
    tidy = JobStore.tidy

    async def slow(store: JobStore, job_id: JobId, lane: Lane) -> None:
        tidying.set()
        await allowed.wait()
        await tidy(store, job_id, lane)

    monkeypatch.setattr(JobStore, "tidy", slow)
    async with idle_lane(redis_url, recorder.run_job) as lane:
        await lane.start_jobs([(await jobs.queued()).encode()])
        await tidying.wait()
        leaving = asyncio.create_task(lane.leave_jobs())
        await wait_until(lambda: all(task.done() for task in lane.tasks.values()))
        assert not leaving.done()

        allowed.set()

        assert await leaving == 1


async def test_pick_up_that_fails_takes_no_slot(own_valkey: Valkey, recorder: Recorder) -> None:
    async with idle_lane(own_valkey.url, recorder.run_job) as lane:
        own_valkey.kill()

        with pytest.raises((RedisError, OSError)):
            await lane.start_jobs([b"0" * 48])

        assert lane.free_slots == 2


async def _all_listen(lane: LaneWorker, count: int) -> bool:
    return await listening(lane) == count
