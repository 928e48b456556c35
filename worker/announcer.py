"""Announces this worker, so that gateways know which tools are available.

A worker whose master keys cannot open what gateways seal would fail every job, so it is not announced.
"""

import asyncio
from collections.abc import Callable

import structlog

from shared.redis.redis_connection import UNAVAILABLE
from shared.store.key_mark import KeyMark
from shared.store.workers import ANNOUNCEMENT_INTERVAL_S, ANNOUNCEMENT_LIFETIME_MS, Announcement, WorkerRegistry

WITHDRAW_TIMEOUT_S = 2.0

log = structlog.get_logger()


class Announcer:
    """Renews the announcement until it is cancelled, then withdraws the announcement."""

    def __init__(self, registry: WorkerRegistry, describe: Callable[[], Announcement], key_mark: KeyMark) -> None:
        self._registry = registry
        self._describe = describe
        self._key_mark = key_mark
        self.announced = asyncio.Event()
        """Set after the first announcement. Then the worker takes jobs."""
        self._announced_until: float | None = None

    @property
    def is_announced(self) -> bool:
        """Whether gateways currently know this worker."""
        return self._announced_until is not None and asyncio.get_running_loop().time() < self._announced_until

    async def run(self) -> None:
        try:
            while True:
                await self._announce()
                await asyncio.sleep(ANNOUNCEMENT_INTERVAL_S)
        except asyncio.CancelledError:
            await self._withdraw()
            raise

    async def _announce(self) -> None:
        """Announces the worker while the mark opens. Each announcement's answer has the mark for the next one."""
        began = asyncio.get_running_loop().time()
        if not self.is_announced and not await self._key_mark.check():
            return
        mark = await self._registry.announce(self._describe())
        if not self._key_mark.judge(mark):
            await self._withdraw()
            return
        self._announced_until = began + ANNOUNCEMENT_LIFETIME_MS / 1000
        if not self.announced.is_set():
            self.announced.set()
            log.info("worker announced")

    async def _withdraw(self) -> None:
        self._announced_until = None
        try:
            async with asyncio.timeout(WITHDRAW_TIMEOUT_S):
                await self._registry.withdraw(self._describe())
        except UNAVAILABLE as error:
            log.warning("worker not withdrawn", error=type(error).__name__)
