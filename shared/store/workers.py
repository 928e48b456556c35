"""The worker registry: which workers are alive, with which tools and how many running jobs."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict
from redis.asyncio import Redis

from shared.store import key_names
from shared.store.scripts import Scripts

ANNOUNCEMENT_LIFETIME_MS = 8_000
ANNOUNCEMENT_INTERVAL_S = 3.0


class Announcement(BaseModel):
    """The facts that a worker announces about itself."""

    model_config = ConfigDict(frozen=True)

    worker_id: str
    tools: dict[str, str]
    """Tool → version."""
    slots: dict[str, int]
    """Lane → slots."""
    running: int
    sandbox: str


class WorkerRegistry:
    """Announcements in Redis. Each expires unless it is renewed."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)

    async def announce(self, announcement: Announcement) -> bytes | None:
        """Renews the announcement. Returns the gateways' key mark, or None if there is none."""
        mark: bytes | None = await self._write(announcement, ANNOUNCEMENT_LIFETIME_MS)
        return mark

    async def withdraw(self, announcement: Announcement) -> None:
        await self._write(announcement, 0)

    async def _write(self, announcement: Announcement, lifetime_ms: int) -> Any:
        return await self._scripts.call(
            "announce",
            announcement.worker_id,
            announcement.model_dump_json(),
            lifetime_ms,
            *announcement.tools,
        )

    async def served(self) -> set[str]:
        """Returns the tools that at least one live worker has."""
        return {tool for _, tools in await self._live() for tool in tools}

    async def silent_s(self, announcements: Sequence[Announcement]) -> list[float]:
        """Returns the seconds since each announcement was made."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for announcement in announcements:
                pipe.pttl(key_names.WORKER + announcement.worker_id)
            lefts_ms = await pipe.execute()
        return [max(0, ANNOUNCEMENT_LIFETIME_MS - left_ms) / 1000 for left_ms in lefts_ms]

    async def running(self) -> Counter[str]:
        """Returns worker id → number of leases. It includes draining workers, which announce nothing."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for job_id in await self._redis.zrange(key_names.LEASES, 0, -1):
                pipe.hget(key_names.JOB + job_id.decode(), "worker")
            return Counter(worker_id.decode() for worker_id in await pipe.execute() if worker_id)

    async def living(self) -> list[Announcement]:
        """Returns the announcements of all live workers, ordered by id."""
        worker_ids = sorted(worker_id for worker_id, _ in await self._live())
        if not worker_ids:
            return []
        texts = await self._redis.mget([key_names.WORKER + worker_id for worker_id in worker_ids])
        return [Announcement.model_validate_json(text) for text in texts if text]

    async def _live(self) -> list[tuple[str, list[str]]]:
        """Returns ids and tools of the live workers."""
        now_s, microseconds = await self._redis.time()
        now_ms = now_s * 1000 + microseconds // 1000
        members = await self._redis.zrangebyscore(key_names.WORKERS, now_ms, "+inf")
        return [(worker_id, tools) for worker_id, *tools in (member.decode().split() for member in members)]
