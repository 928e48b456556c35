"""A bounded index of a principal's jobs, newest first. Entries expire with the jobs' records."""

import itertools
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from shared.models import JobId
from shared.store import key_names, record
from shared.store.record import JobRecord

READ_AT_ONCE = 100


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A job's position in the index, ordered by creation time in milliseconds, then by id."""

    created_ms: int
    job_id: JobId


class JobIndex:
    """Reads the index, which submits write. Methods raise redis-py's errors if Redis is not available."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def newest(
        self, principal: str, *, before: Position | None, most: int
    ) -> AsyncGenerator[tuple[Position, JobRecord | None]]:
        """Yields at most `most` positions older than `before`, with their records, or None if a record has expired."""
        ceiling = before.created_ms if before else "+inf"
        seen = 0
        for offset in itertools.count(0, READ_AT_ONCE):
            found = await self._redis.zrevrangebyscore(
                key_names.JOBS + principal, ceiling, "-inf", start=offset, num=READ_AT_ONCE, withscores=True
            )
            places = [Position(int(score), JobId(member.decode())) for member, score in found]
            places = [place for place in places if before is None or place < before][: most - seen]
            for place, stored in zip(places, await self._records(places), strict=True):
                yield place, stored
            seen += len(places)
            if len(found) < READ_AT_ONCE or seen >= most:
                return

    async def _records(self, places: Sequence[Position]) -> list[JobRecord | None]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for place in places:
                pipe.hgetall(key_names.JOB + place.job_id)
            answers: list[dict[bytes, Any]] = await pipe.execute()
        return [
            record.from_hash(place.job_id, fields) if fields else None
            for place, fields in zip(places, answers, strict=True)
        ]
