"""The record that the scripts write has the fields of the newest golden file."""

import json
from pathlib import Path

from redis.asyncio import Redis

from shared.sealing.envelope import ENVELOPE_VERSION
from shared.store import key_names
from tests.support.jobs import Jobs

GOLDEN = Path(__file__).parents[3] / "unit" / "shared" / "golden" / f"wire-{ENVELOPE_VERSION}.json"
RECORD = set(json.loads(GOLDEN.read_text())["record"])
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
