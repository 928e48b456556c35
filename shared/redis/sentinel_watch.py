"""Watches which server is the primary, because nobody else notices that one is stopped or cut off.

A command that blocks, a subscription and a connection that is being opened wait up to 15 seconds for a server that says
nothing. When Sentinel has made another server the primary, the watch drops all connections to the one before, so that
they are opened again at once.
"""

import asyncio
import itertools
import time
from collections.abc import Iterable
from contextlib import suppress

import structlog
from redis.asyncio import ConnectionPool

from shared.network import redis_address
from shared.network.endpoints import Endpoint
from shared.network.redis_address import RedisAddress
from shared.redis.replicas import KnownReplicas
from shared.redis.sentinel_pool import SentinelPool
from shared.redis.sentinels import Primary, SentinelError, Sentinels

INTERVAL_S = 2.0
"""Seconds between two questions to the sentinels. They tell each other of a new primary every two seconds."""
PAUSE_S = 1.0
"""Least seconds from one look to the next for callers who miss something on the primary."""
LOOKS_FOR_SERVERS = 10
"""Every such look also asks for the servers, which change only when somebody adds one."""

log = structlog.get_logger()


class SentinelWatch:
    """The watch of one process over its pools. It does nothing if the address names no sentinels."""

    def __init__(self, address: RedisAddress, pools: Iterable[ConnectionPool] = ()) -> None:
        self._pools: list[SentinelPool] = []
        self._sentinels = Sentinels(address) if address.sentinels else None
        self._primary: Primary | None = None
        self._servers: frozenset[Endpoint] = frozenset()
        self._last_problem: str | None = None
        self._looking: asyncio.Task[None] | None = None
        self._pausing: asyncio.Task[None] | None = None
        self._looked_at_s: float | None = None
        """When the last look began, in seconds of the monotonic clock."""
        self._answered_question_at_s = 0.0
        """When the last look began that was answered."""
        self.watch_over(*pools)

    @property
    def replicas(self) -> KnownReplicas:
        """What Sentinel knows of replicas. Some are expected until it has answered."""
        if self._sentinels is None:
            return KnownReplicas()
        if self._primary is None:
            return KnownReplicas(expected=True)
        return KnownReplicas(
            self._primary.place,
            expected=self._primary.replicas > 0,
            up=self._primary.replicas_up,
            asked_at_s=self._answered_question_at_s,
        )

    @property
    def known_servers(self) -> frozenset[Endpoint]:
        """The places of all servers that Sentinel has named since the start."""
        return self._servers

    async def servers(self) -> frozenset[Endpoint]:
        """Returns the known servers, and asks for them if none is known. Raises SentinelError."""
        if self._sentinels is not None and not self._servers:
            self._servers = frozenset(await self._sentinels.servers())
        return self._servers

    def watch_over(self, *pools: ConnectionPool) -> None:
        """Watches these pools too. A connection to a server that is no longer the primary is dropped."""
        self._pools += [pool for pool in pools if isinstance(pool, SentinelPool)]

    async def run(self) -> None:
        """Looks every two seconds until cancelled. Returns at once without Sentinel."""
        if self._sentinels is None:
            return
        try:
            for number in itertools.count():
                await self.look()
                if number % LOOKS_FOR_SERVERS == 0:
                    await self._add_servers(self._sentinels)
                await asyncio.sleep(INTERVAL_S)
        finally:
            await self.close()

    async def look(self) -> None:
        """Asks once, which takes at most a second. Without an answer everything stays as it is.

        Calls at the same time share one look, which goes on if one of them is cancelled.
        """
        if self._sentinels is None:
            return
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(self._sentinels), name="look for the primary")
        await asyncio.shield(self._looking)

    async def look_again(self) -> bool:
        """Waits for a look that begins after this call, of which there is one a second at most.

        Returns False without Sentinel: nothing can have moved.
        """
        if self._sentinels is None:
            return False
        if self._pausing is None or self._pausing.done():
            self._pausing = asyncio.create_task(self._pause(), name="wait to look for the primary")
        await asyncio.shield(self._pausing)
        await self.look()
        return True

    async def _pause(self) -> None:
        """Ends when no look that has begun before goes on, and a second after that began."""
        if self._looking is not None:
            await asyncio.wait({self._looking})
        if self._looked_at_s is not None:
            await asyncio.sleep(self._looked_at_s + PAUSE_S - time.monotonic())

    async def close(self) -> None:
        """Ends a look, and closes the connections to the sentinels."""
        for task in (self._pausing, self._looking):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
        if self._sentinels is not None:
            await self._sentinels.close()

    async def _look(self, sentinels: Sentinels) -> None:
        self._looked_at_s = asked_at_s = time.monotonic()
        try:
            primary = await sentinels.newest()
        except SentinelError as error:
            self._report(str(error))
            return
        self._report(None)
        were_cut = [pool.follow(primary) for pool in self._pools]
        place = Endpoint(primary.host.lower(), primary.port)
        if self._primary is None or self._primary.place != primary.place:
            where = redis_address.place(place)
            log.info("redis primary", address=where, replicas=primary.replicas, connections_were_cut=any(were_cut))
        self._primary, self._answered_question_at_s = primary, asked_at_s
        if self._servers:
            self._servers |= {place}

    async def _add_servers(self, sentinels: Sentinels) -> None:
        with suppress(SentinelError):
            self._servers |= frozenset(await sentinels.servers())

    def _report(self, problem: str | None) -> None:
        """Logs a problem when it appears or is another one, and its end."""
        if problem is not None and problem != self._last_problem:
            log.warning("sentinel does not name a primary", reason=problem)
        elif problem is None and self._last_problem is not None:
            log.info("sentinel names a primary again")
        self._last_problem = problem
