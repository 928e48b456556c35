"""Watches which server is the primary, because nobody else notices that one is stopped or cut off.

A command that blocks, a subscription and a connection that is being opened wait up to 15 seconds for a server that says
nothing. When Sentinel has made another server the primary, the watch drops all connections to the one before, so that
they are opened again at once.
"""

import asyncio
from collections.abc import Sequence

import structlog
from redis.asyncio import ConnectionPool

from shared.network import redis_address
from shared.network.endpoints import Endpoint
from shared.network.redis_address import RedisAddress
from shared.redis.sentinel_pool import SentinelPool
from shared.redis.sentinels import Primary, SentinelError, Sentinels

INTERVAL_S = 2.0
"""Seconds between two questions to the sentinels. They tell each other of a new primary every two seconds."""

log = structlog.get_logger()


class SentinelWatch:
    """The watch of one process over its pools. It does nothing if the address names no sentinels."""

    def __init__(self, address: RedisAddress, pools: Sequence[ConnectionPool]) -> None:
        self._pools = [pool for pool in pools if isinstance(pool, SentinelPool)]
        self._sentinels = Sentinels(address) if address.sentinels else None
        self._primary: Primary | None = None
        self._last_problem: str | None = None

    @property
    def expects_replicas(self) -> bool:
        """Whether the primary has replicas, of which all may be down. They are expected until Sentinel has answered."""
        if self._sentinels is None:
            return False
        return self._primary is None or self._primary.replicas > 0

    async def run(self) -> None:
        """Looks every two seconds until cancelled. Returns at once without Sentinel."""
        if self._sentinels is None:
            return
        try:
            while True:
                await self.look()
                await asyncio.sleep(INTERVAL_S)
        finally:
            await self.close()

    async def look(self) -> None:
        """Asks once, which takes at most a second. Without an answer everything stays as it is."""
        if self._sentinels is None:
            return
        try:
            primary = await self._sentinels.newest()
        except SentinelError as error:
            self._report(str(error))
            return
        self._report(None)
        were_cut = [pool.follow(primary) for pool in self._pools]
        if self._primary is None or self._primary.place != primary.place:
            place = redis_address.place(Endpoint(*primary.place))
            log.info("redis primary", address=place, replicas=primary.replicas, connections_were_cut=any(were_cut))
        self._primary = primary

    async def close(self) -> None:
        """Closes the connections to the sentinels."""
        if self._sentinels is not None:
            await self._sentinels.close()

    def _report(self, problem: str | None) -> None:
        """Logs a problem when it appears or is another one, and its end."""
        if problem is not None and problem != self._last_problem:
            log.warning("sentinel does not name a primary", reason=problem)
        elif problem is None and self._last_problem is not None:
            log.info("sentinel names a primary again")
        self._last_problem = problem
