"""Settles what no worker will: jobs that waited too long, and jobs whose worker fell silent.

Every gateway and every worker runs one, so that the death of any process is noticed by another. An outage of Redis
is not the death of all workers: expired leases are settled only after 10 s of unbroken contact, measured by Redis' own
clock, the one that leases run on.
"""

import asyncio

import structlog
from redis.exceptions import RedisError

from shared.store.job_store import JobStore, Sweep

SWEEP_INTERVAL_S = 1.0
CONTACT_MS = 10_000
LONGEST_GAP_MS = 4_000
"""Between two passes: more means that Redis, the network or this process stood still. A lease that is renewed in time
has so much left, so that no lease ends in a standstill that goes unseen."""
SWEEP_TIMEOUT_S = 3.0

log = structlog.get_logger()


class Contact:
    """How long contact with Redis has been unbroken, by Redis' clock."""

    def __init__(self) -> None:
        self._since_ms: int | None = None
        self._last_ms = 0

    def seen(self, at_ms: int) -> None:
        if self._since_ms is None or not 0 <= at_ms - self._last_ms <= LONGEST_GAP_MS:
            self._since_ms = at_ms
        self._last_ms = at_ms

    def broken(self) -> None:
        self._since_ms = None

    @property
    def trusted_until_ms(self) -> int:
        """When the next pass must have reached Redis for this contact to be unbroken."""
        return self._last_ms + LONGEST_GAP_MS

    @property
    def is_trusted(self) -> bool:
        return self._since_ms is not None and self._last_ms - self._since_ms >= CONTACT_MS


class Sweeper:
    """One pass a second, until cancelled."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._contact = Contact()

    @property
    def in_contact(self) -> bool:
        """Whether contact with Redis has been unbroken for so long that who has not been heard of is dead."""
        return self._contact.is_trusted

    async def run(self) -> None:
        while True:
            await self.sweep()
            await asyncio.sleep(SWEEP_INTERVAL_S)

    async def sweep(self) -> Sweep | None:
        """One pass; None when Redis was away."""
        try:
            async with asyncio.timeout(SWEEP_TIMEOUT_S):
                result = await self._store.sweep(
                    settle_leases=self._contact.is_trusted, not_after_ms=self._contact.trusted_until_ms
                )
        except (RedisError, OSError, TimeoutError) as error:
            self._contact.broken()
            log.warning("sweep failed", error=type(error).__name__)
            return None
        self._contact.seen(result.at_ms)
        if result.expired or result.lost or result.repaired or result.again:
            log.info(
                "jobs swept", expired=result.expired, lost=result.lost, repaired=result.repaired, again=result.again
            )
        return result
