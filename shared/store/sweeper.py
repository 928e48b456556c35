"""Settles jobs that no worker will: jobs that waited too long, and jobs whose worker is silent.

Every gateway and every worker runs a sweeper, so that another process notices the death of any process. After an outage
of Redis all leases look expired, so they are settled only after 10 s of unbroken contact. Contact is measured by Redis'
clock, which the leases use too. A failover breaks the contact.
"""

import asyncio

import structlog

from shared.redis.redis_connection import UNAVAILABLE
from shared.store.job_store import JobStore, Sweep

SWEEP_INTERVAL_S = 2.0
CONTACT_MS = 10_000
LONGEST_GAP_MS = 4_000
"""Longest gap between two passes in milliseconds. A longer one means that Redis, the network or this process was
paused. A lease that is renewed in time has at least this much left, so no lease ends in a pause that goes unnoticed."""
SWEEP_TIMEOUT_S = 3.0

log = structlog.get_logger()


class Contact:
    """Tracks how long contact with Redis has been unbroken, by Redis' clock."""

    def __init__(self) -> None:
        self._since_ms: int | None = None
        self._last_ms = 0
        self._server = ""

    def seen(self, at_ms: int, server: str) -> None:
        """Notes that the server with that replication id answered. Another server may lack the latest renewals."""
        is_unbroken = server in ("", self._server) and 0 <= at_ms - self._last_ms <= LONGEST_GAP_MS
        if self._since_ms is None or not is_unbroken:
            self._since_ms = at_ms
        self._last_ms, self._server = at_ms, server or self._server

    def broken(self) -> None:
        self._since_ms = None

    @property
    def trusted_until_ms(self) -> int:
        """Time by which the next pass must reach Redis, so that the contact is unbroken; milliseconds."""
        return self._last_ms + LONGEST_GAP_MS

    @property
    def is_trusted(self) -> bool:
        return self._since_ms is not None and self._last_ms - self._since_ms >= CONTACT_MS


class Sweeper:
    """Makes a pass every two seconds until cancelled."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._contact = Contact()

    @property
    def in_contact(self) -> bool:
        """Whether contact with Redis has been unbroken for so long that a silent worker is dead."""
        return self._contact.is_trusted

    async def run(self) -> None:
        while True:
            await self.sweep()
            await asyncio.sleep(SWEEP_INTERVAL_S)

    async def sweep(self) -> Sweep | None:
        """Makes one pass. Returns None if Redis was not available."""
        try:
            async with asyncio.timeout(SWEEP_TIMEOUT_S):
                result = await self._store.sweep(
                    settle_leases=self._contact.is_trusted, not_after_ms=self._contact.trusted_until_ms
                )
        except UNAVAILABLE as error:
            self._contact.broken()
            log.warning("sweep failed", error=type(error).__name__)
            return None
        self._contact.seen(result.at_ms, result.server)
        if result.expired or result.lost or result.again:
            log.info("jobs swept", expired=result.expired, lost=result.lost, again=result.again)
        return result
