"""Ends a running job from outside its execution: a cancellation, a broken limit or a lost lease."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum


class StopKind(StrEnum):
    CANCELLED = "cancelled"
    """A caller cancelled the job, or the worker stops: end the process and settle the job."""
    FAILED = "failed"
    """The job exceeded a limit: end the process and settle the job as failed."""
    LOST = "lost"
    """Another attempt owns the job's record: end the process and write nothing."""


@dataclass(frozen=True, slots=True)
class Stop:
    kind: StopKind
    reason: str


class JobControl:
    """Ends one running command. The first stop counts, except that `LOST` replaces any other."""

    def __init__(self) -> None:
        self._stop: Stop | None = None
        self._stopped: asyncio.Future[None] | None = None

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

    @property
    def stopped(self) -> "asyncio.Future[None]":
        """A future that is done after the first stop. Wait for it with `asyncio.wait`, which never cancels it."""
        if self._stopped is None:
            self._stopped = asyncio.get_running_loop().create_future()
            self._note()
        return self._stopped

    def _set(self, stop: Stop) -> None:
        self._stop = stop
        self._note()

    def _note(self) -> None:
        if self._stop is not None and self._stopped is not None and not self._stopped.done():
            self._stopped.set_result(None)
