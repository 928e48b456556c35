"""Checks that Redis does not lose accepted jobs: it must be append-only and must not evict keys."""

import asyncio

import structlog
from redis.asyncio import Redis

from shared.redis.redis_connection import UNAVAILABLE

RETRY_DELAY_S = 5.0

log = structlog.get_logger()


async def shortcomings(redis: Redis) -> list[str]:
    """Returns the problems of the server's configuration, as sentences that say what to set."""
    persistence = await redis.info("persistence")
    memory = await redis.info("memory")
    found = []
    if not persistence.get("aof_enabled"):
        found.append("Redis is not append-only: accepted jobs are lost when it restarts; set appendonly yes")
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction" and memory.get("maxmemory"):
        found.append(f"Redis may evict jobs ({policy}); set maxmemory-policy noeviction")
    return found


async def warn(redis: Redis) -> None:
    """Logs the shortcomings once Redis can be reached."""
    while True:
        try:
            for shortcoming in await shortcomings(redis):
                log.warning("accepted jobs may be lost", reason=shortcoming)
            return
        except UNAVAILABLE:
            await asyncio.sleep(RETRY_DELAY_S)
