"""Which jobs a principal has: newest first, bounded, and gone when the records are."""

import pytest
from redis.asyncio import Redis

from shared.models import JobId
from shared.store import key_names, scripts
from shared.store.job_index import READ_AT_ONCE, JobIndex, Position
from tests.support.jobs import Jobs

MOST = 1_000


async def listed(redis: Redis, *, before: Position | None = None, most: int = MOST) -> list[tuple[Position, bool]]:
    """Places, and whether their records are there."""
    found = JobIndex(redis).newest("anonymous", before=before, most=most)
    return [(place, record is not None) async for place, record in found]


async def ids(redis: Redis) -> list[JobId]:
    return [place.job_id for place, _ in await listed(redis)]


async def test_jobs_are_listed_newest_first_and_those_of_others_never(redis: Redis, jobs: Jobs) -> None:
    job_ids = [await jobs.queued() for _ in range(3)]
    await jobs.queued(principal="somebody-else")
    await redis.zadd(key_names.JOBS + "anonymous", {job_id: number for number, job_id in enumerate(job_ids, 1)})

    assert await ids(redis) == job_ids[::-1]


async def test_pages_go_on_where_the_last_one_ended_also_among_jobs_of_one_moment(redis: Redis) -> None:
    names = [f"{number:048x}" for number in range(2 * READ_AT_ONCE + 50)]
    await redis.zadd(key_names.JOBS + "anonymous", dict.fromkeys(names, 7))
    await redis.expire(key_names.JOBS + "anonymous", 60)

    seen: list[str] = []
    before = None
    while page := await listed(redis, before=before, most=70):
        seen += [place.job_id for place, _ in page]
        before = page[-1][0]

    assert seen == names[::-1]


async def test_record_that_is_gone_leaves_its_place_until_later_jobs_take_it(redis: Redis, jobs: Jobs) -> None:
    gone = await jobs.queued()
    await redis.delete(key_names.JOB + gone)
    assert [present for _, present in await listed(redis)] == [False]

    kept = await jobs.queued()
    assert await ids(redis) == [kept]


async def test_newest_are_kept_where_they_are_too_many(
    redis: Redis, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(scripts._NUMBERS, "LISTED_JOBS", 3)
    monkeypatch.setattr(scripts, "_sources", scripts._sources.__wrapped__)
    few = Jobs(redis)
    for _ in range(2):
        await few.queued()
    await redis.zadd(key_names.JOBS + "anonymous", dict.fromkeys(await ids(redis), 1))
    newest = [await few.queued() for _ in range(3)]

    assert set(await ids(redis)) == set(newest)


async def test_index_lives_as_long_as_the_longest_job(redis: Redis, jobs: Jobs) -> None:
    await jobs.queued(time_limit_s=5_000.0)
    longest_s = await redis.ttl(key_names.JOBS + "anonymous")
    await jobs.queued(time_limit_s=1.0)

    assert longest_s > 5_000
    assert longest_s - 5 < await redis.ttl(key_names.JOBS + "anonymous") <= longest_s
