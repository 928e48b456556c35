"""How much there is to do, as the metrics tell it."""

import pytest
from redis.asyncio import Redis

from shared import metrics
from shared.models import CommandClass, JobState, Lane
from shared.store import key_names
from shared.store.job_store import CancelScope
from shared.store.survey import LaneSurvey, QueueSurvey
from tests.support.jobs import Jobs, ending

NOTHING = LaneSurvey(0, 0, 0)
MINUTE_MS = 60_000


@pytest.fixture
def survey(redis: Redis) -> QueueSurvey:
    return QueueSurvey(redis)


async def age(redis: Redis, job_id: str, by_ms: int) -> None:
    """As if the job had come so much earlier."""
    await redis.hincrby(key_names.JOB + job_id, "created_at", -by_ms)  # type: ignore[misc]  # redis-py types it wrongly
    await redis.zincrby(key_names.QUEUED + Lane.SLOW, -by_ms, job_id)


def ended(state: JobState, tool: str = "kubectl", command_class: CommandClass = CommandClass.READ) -> float:
    labels = {"tool": tool, "command_class": command_class, "state": state}
    return metrics.WORKER.get_sample_value("mcp_k8s_jobs_ended_total", labels) or 0


async def test_empty_lanes_are_empty(survey: QueueSurvey) -> None:
    assert await survey.read() == dict.fromkeys(Lane, NOTHING)


async def test_lanes_are_told_apart(survey: QueueSurvey, jobs: Jobs) -> None:
    for _ in range(3):
        await jobs.queued()
    await jobs.running()
    await jobs.queued(lane=Lane.SLOW)

    found = await survey.read()

    assert (found[Lane.FAST].queued, found[Lane.FAST].running) == (3, 1)
    assert (found[Lane.SLOW].queued, found[Lane.SLOW].running) == (1, 0)


async def test_age_is_that_of_the_oldest_job_that_waits(survey: QueueSurvey, jobs: Jobs, redis: Redis) -> None:
    running = await jobs.running(lane=Lane.SLOW)
    await redis.hincrby(key_names.JOB + running.job_id, "created_at", -10 * MINUTE_MS)  # type: ignore[misc]  # as above
    oldest = await jobs.queued(lane=Lane.SLOW)
    await jobs.queued(lane=Lane.SLOW)
    await age(redis, oldest, MINUTE_MS)

    found = (await survey.read())[Lane.SLOW]

    assert (found.queued, found.running) == (2, 1)
    assert MINUTE_MS / 1000 <= found.oldest_s < 5 * MINUTE_MS / 1000


async def test_job_that_has_ended_waits_no_more(survey: QueueSurvey, jobs: Jobs) -> None:
    await jobs.finished()

    assert await survey.read() == dict.fromkeys(Lane, NOTHING)


async def test_each_end_is_counted_once(jobs: Jobs) -> None:
    before = {state: ended(state) for state in JobState}
    attempt = await jobs.running()
    for _ in range(2):
        assert await jobs.store.settle(attempt, ending(JobState.FAILED))
    await jobs.store.cancel(await jobs.queued(), reason="", scope=CancelScope.ANY)
    await jobs.store.cancel((await jobs.running()).job_id, reason="", scope=CancelScope.ANY)
    await jobs.let_queue_wait_end(await jobs.queued())
    for _ in range(2):
        await jobs.store.sweep(settle_leases=True)

    counted = {state: ended(state) - before[state] for state in JobState}

    assert counted[JobState.FAILED] == counted[JobState.CANCELLED] == counted[JobState.EXPIRED] == 1
    assert sum(counted.values()) == 3


async def test_lost_jobs_and_reads_begun_again_are_counted(jobs: Jobs) -> None:
    lost_before, retried_before = (
        ended(JobState.LOST, command_class=CommandClass.WRITE),
        metrics.WORKER.get_sample_value("mcp_k8s_job_retries_total") or 0,
    )
    for attempt in (await jobs.running(), await jobs.running(command_class=CommandClass.WRITE)):
        await jobs.let_lease_end(attempt.job_id)

    await jobs.store.sweep(settle_leases=True)

    assert ended(JobState.LOST, command_class=CommandClass.WRITE) == lost_before + 1
    assert metrics.WORKER.get_sample_value("mcp_k8s_job_retries_total") == retried_before + 1


async def test_what_others_wrote_into_a_record_is_no_label(jobs: Jobs, redis: Redis) -> None:
    job_id = await jobs.queued()
    await redis.hset(key_names.JOB + job_id, "tool", "canary")  # type: ignore[misc]  # redis-py types it wrongly

    await jobs.store.cancel(job_id, reason="", scope=CancelScope.ANY)

    assert not ended(JobState.CANCELLED, tool="canary")
    assert ended(JobState.CANCELLED, tool=metrics.OTHER)
