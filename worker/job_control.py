"""What can end a running job from outside, and how its execution learns of it."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum


class StopKind(StrEnum):
    CANCELLED = "cancelled"
    """Somebody asked for its end, or the worker stops: end the process and settle the job."""
    FAILED = "failed"
    """It broke a limit: end the process and settle the job as one that failed."""
    LOST = "lost"
    """Another owns the job's record by now: end the process and write nothing."""


@dataclass(frozen=True, slots=True)
class Stop:
    kind: StopKind
    reason: str


class JobControl:
    """The switch that ends one running command; the first stop counts, but for `LOST`, which overrules all."""

    def __init__(self) -> None:
        self._stop: Stop | None = None
        self._stopped = asyncio.Event()

    @property
    def stop(self) -> Stop | None:
        return self._stop

    @property
    def is_lost(self) -> bool:
        return self._stop is not None and self._stop.kind is StopKind.LOST

    def cancel(self, reason: str) -> None:
        if self._stop is None:
            self._set(Stop(StopKind.CANCELLED, reason))

    def fail(self, reason: str) -> None:
        if self._stop is None:
            self._set(Stop(StopKind.FAILED, reason))

    def lose(self) -> None:
        self._set(Stop(StopKind.LOST, "the lease on the job was lost"))

    async def stopped(self) -> None:
        await self._stopped.wait()

    def _set(self, stop: Stop) -> None:
        self._stop = stop
        self._stopped.set()
