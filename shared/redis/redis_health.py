"""Checks the server once it can be reached: whether it can be used, and whether it keeps what it has accepted."""

from collections.abc import Mapping
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.redis import supported

MIN_REPLICAS = "min-replicas-to-write"

log = structlog.get_logger()


class ServerCheck:
    """The check of one process."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.refusal: str | None = None
        """Why the server cannot be used; None also until it was reached."""

    async def run(self) -> None:
        """Looks at the server and logs what is wrong. Raises one of `UNAVAILABLE` if it is not reached."""
        self.refusal = await supported.refusal(self._redis)
        if self.refusal is not None:
            log.error("not ready", reason=self.refusal)
            return
        for shortcoming in await shortcomings(self._redis):
            log.warning("accepted jobs may be lost", reason=shortcoming)


async def shortcomings(redis: Redis) -> list[str]:
    """Returns the problems of the server's configuration, as sentences that say what to set.

    Servers that do not tell their configuration have none. Raises one of `UNAVAILABLE`.
    """
    try:
        info: Mapping[str, Any] = await redis.info()
    except ResponseError:
        return []
    found = []
    if not info.get("aof_enabled"):
        found.append("Redis is not append-only: accepted jobs are lost when it restarts; set appendonly yes")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction" and info.get("maxmemory"):
        found.append(f"Redis may evict jobs ({policy}); set maxmemory-policy noeviction")
    if info.get("connected_slaves") and await _configured(redis, MIN_REPLICAS) == "0":
        found.append(
            "a primary that is cut off from its replicas goes on accepting jobs, which are thrown away when it "
            f"returns; set {MIN_REPLICAS} 1 on every server"
        )
    return found


async def _configured(redis: Redis, name: str) -> str | None:
    """Returns a value of the server's configuration, or None if it is not told, as managed services do."""
    try:
        values: Mapping[Any, Any] = await redis.config_get(name)
    except ResponseError:
        return None
    value = next(iter(values.values()), None)
    return value.decode() if isinstance(value, bytes) else value
