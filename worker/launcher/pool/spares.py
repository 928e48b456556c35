"""The worker's pools of spares: children that were forked in advance and wait for a spec.

A fork takes milliseconds, but a waiting child only needs a packet. Each kind of spares has a pool. A taken spare is
replaced when its command has ended, so that the fork does not compete with it, or at the latest after a moment.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from worker.launcher.channel import Channel, close_all
from worker.launcher.pool.removal import remove_empty

REFILL_AFTER_S = 0.5
"""Seconds until a taken spare is replaced although its command still runs; most short commands have ended by then."""
REFILL_EMPTY_AFTER_S = 0.05
"""The same if no other spare is left. A command that finds none waits for a fork, which takes some milliseconds."""


class LauncherGoneError(Exception):
    """The launcher died or was closed. Its processes were killed, and their progress is unknown."""


class ForkError(Exception):
    """The launcher could not fork. The text is the system's reason."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a spare with an outfit holds in advance. The descriptors belong to the owner of the spare."""

    directory: Path
    stdout: int
    """Reading end of the pipe that is the spare's standard output."""
    stderr: int


@dataclass(frozen=True, slots=True)
class Spare:
    """A waiting child. `control` takes its spec, and returns an error if the child fails."""

    child: int
    pid: int
    control: Channel
    prepared: Prepared | None = None

    def discard(self) -> None:
        """Ends the child, which has not got a spec, and removes what it has prepared."""
        self.control.close()
        if self.prepared is not None:
            close_all((self.prepared.stdout, self.prepared.stderr))
            remove_empty([self.prepared.directory])


class SparePool:
    """Keeps `size` spares of one kind ready. A caller that finds none waits for the next.

    `request` asks the launcher for more.
    """

    def __init__(self, size: int, request: Callable[[int], None]) -> None:
        self._size = size
        self._request_forks = request
        self._spares: deque[Spare] = deque()
        self._waiters: deque[asyncio.Future[Spare]] = deque()
        self._requested = 0
        self._outdated = 0
        """Number of spares that were requested before `renew` and have not come yet. They come before all others."""
        self._refill_timer: asyncio.TimerHandle | None = None
        self._was_full = asyncio.Event()
        self._is_closed = False

    @property
    def _waiting(self) -> int:
        return sum(not waiter.done() for waiter in self._waiters)

    async def wait_until_full(self) -> None:
        """Waits until the pool is full for the first time. Raises LauncherGoneError."""
        await self._was_full.wait()
        if self._is_closed:
            raise LauncherGoneError("the launcher did not start")

    async def take(self, count: int) -> list[Spare]:
        """Takes `count` spares or none: a cancel puts them back. Raises ForkError or LauncherGoneError."""
        taken: list[Spare] = []
        try:
            while len(taken) < count:
                taken.append(await self._take_one())
        except BaseException:
            for spare in taken:
                self.put_back(spare)
            raise
        return taken

    def add(self, spare: Spare) -> None:
        """Adds a spare that was requested."""
        if self._outdated:
            self._outdated -= 1
            spare.discard()
            return
        self._requested -= 1
        self.put_back(spare)

    def put_back(self, spare: Spare) -> None:
        """Takes back a spare that was not used."""
        if (waiter := self._next_waiter()) is not None:
            waiter.set_result(spare)
            return
        if self._is_closed:
            spare.discard()
            return
        self._spares.append(spare)
        if len(self._spares) >= self._size:
            self._was_full.set()

    def fail(self, reason: str) -> None:
        """Notes that a requested spare could not be forked."""
        if self._outdated:
            self._outdated -= 1
            return
        self._requested -= 1
        if (waiter := self._next_waiter()) is not None:
            waiter.set_exception(ForkError(reason))

    def forget(self, child: int) -> None:
        """Drops a spare that has ended while it waited."""
        for spare in [spare for spare in self._spares if spare.child == child]:
            self._spares.remove(spare)
            spare.discard()
            self._refill_later()

    def fill(self) -> None:
        """Requests the missing spares."""
        if self._refill_timer is not None:
            self._refill_timer.cancel()
            self._refill_timer = None
        if self._is_closed:
            return
        missing = self._size + self._waiting - len(self._spares) - self._requested
        if missing > 0:
            self._request(missing)

    def renew(self) -> None:
        """Replaces all spares, also those that are on their way, because what they have prepared is out of date."""
        self._outdated, self._requested = self._outdated + self._requested, 0
        self._discard_all()
        self.fill()

    def close(self) -> None:
        """Notes that the launcher has ended. Current and future waiters get LauncherGoneError."""
        self._is_closed = True
        self._was_full.set()
        if self._refill_timer is not None:
            self._refill_timer.cancel()
        while (waiter := self._next_waiter()) is not None:
            waiter.set_exception(LauncherGoneError("the launcher ended before it started the command"))
        self._discard_all()

    def _discard_all(self) -> None:
        for spare in self._spares:
            spare.discard()
        self._spares.clear()

    async def _take_one(self) -> Spare:
        if self._is_closed:
            raise LauncherGoneError("the launcher is gone")
        if self._spares:
            spare = self._spares.popleft()
            self._refill_later()
            return spare
        self._refill_later()
        waiter: asyncio.Future[Spare] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        if self._requested < self._waiting:
            self._request(1)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # it was set in the same turn of the loop
                with contextlib.suppress(Exception):
                    self.put_back(waiter.result())
            raise

    def _next_waiter(self) -> asyncio.Future[Spare] | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    def _refill_later(self) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time() + (REFILL_AFTER_S if self._spares else REFILL_EMPTY_AFTER_S)
        if self._refill_timer is not None:
            if self._refill_timer.when() <= at:
                return
            self._refill_timer.cancel()
        self._refill_timer = loop.call_at(at, self.fill)

    def _request(self, count: int) -> None:
        self._requested += count
        self._request_forks(count)
