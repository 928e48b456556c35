"""The record that the scripts write has the fields of the newest golden file."""

import json
from pathlib import Path

from redis.asyncio import Redis

from shared.models import JobState, Lane
from shared.sealing.envelope import ENVELOPE_VERSION
from shared.store import key_names
from tests.support.jobs import Jobs, ending

GOLDEN = Path(__file__).parents[3] / "unit" / "shared" / "golden" / f"wire-{ENVELOPE_VERSION}.json"
ADDED = {"share", "watchers", "turn", "stored", "expires_in"}
"""Without them, a job of the version before takes its turn as one of a nameless caller, gateways find its end, and what
it stores before its end does not count."""
RECORD = set(json.loads(GOLDEN.read_text())["record"]) | ADDED
ONLY_WHILE_RUNNING = {"started_at", "worker", "fence"}
GONE_AT_THE_END = {"request_key", "fence", "worker", "exclusive", "owner", "share"}
ADDED_AT_THE_END = {"ended_at", "reason", "settled_by", "progress"}


async def fields(redis: Redis, job_id: str) -> set[str]:
    async with redis.pipeline() as pipe:
        pipe.hkeys(key_names.JOB + job_id)
        [names] = await pipe.execute()
    return {name.decode() for name in names}


async def test_record_has_the_fields_that_other_versions_read(redis: Redis, jobs: Jobs) -> None:
    queued = await jobs.queued()
    running = await jobs.running()
    finished = await jobs.finished()

    assert await fields(redis, queued) == RECORD - ONLY_WHILE_RUNNING
    assert await fields(redis, running.job_id) == RECORD
    assert await fields(redis, finished.job_id) == RECORD - GONE_AT_THE_END | ADDED_AT_THE_END


async def test_job_of_the_version_before_is_run_to_its_end(redis: Redis, jobs: Jobs) -> None:
    """It has none of the added fields, and in the queue a time in place of a turn."""
    job_id, later = await jobs.queued(), await jobs.queued()
    now_s, _ = await redis.time()
    async with redis.pipeline() as pipe:
        pipe.hdel(key_names.JOB + job_id, *ADDED)
        pipe.zrem(key_names.QUEUED + Lane.FAST, job_id)
        pipe.zrem(key_names.LOAD + Lane.FAST, job_id)
        pipe.zadd(key_names.queue(Lane.FAST), {job_id: now_s * 1000})
        await pipe.execute()

    assert await jobs.taken(most=1) == [later]
    claim = await jobs.claimed(job_id)
    assert await jobs.store.settle(claim.attempt, ending())

    assert await jobs.state(job_id) is JobState.SUCCEEDED
    assert await redis.exists(key_names.queue(Lane.FAST), key_names.TURN + Lane.FAST) == 0
