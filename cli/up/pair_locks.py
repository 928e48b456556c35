"""How bridges share one gateway and worker: who serves where, and who still uses it, by locks in a common folder.

The kernel takes a lock back when its holder dies, so nobody is counted who is gone. A pair that nobody uses and that
runs nothing ends by itself, and keeps newcomers out until it is gone: they wait, and then start the next one.
"""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

from cli.errors import StartError

USED_LOCK = "used"
"""Shared by all bridges; whole in the hand of a pair that ends."""
SERVING_LOCK = "serving"
"""The pair's for all its life; holds its URL once it is ready."""
STARTING_LOCK = "starting"
"""Of the one bridge that starts a pair."""
LINGER_S = 5.0
"""An editor that reloads its window comes back sooner."""
POLL_INTERVAL_S = 0.1
LOOK_S = 10.0
"""Who looks whether there is a pair holds its lock for a moment."""
MAX_URL_BYTES = 1_024

IsBusy = Callable[[], Awaitable[bool]]


@contextlib.asynccontextmanager
async def in_use(folder: Path) -> AsyncIterator[None]:
    """Uses the pair while the block runs. Waits for one that ends, with the caller's own time limit."""
    async with _held(folder / USED_LOCK, fcntl.LOCK_SH):
        yield


@contextlib.asynccontextmanager
async def starting(folder: Path) -> AsyncIterator[None]:
    """No other bridge starts a pair while the block runs. Waits for one that does, likewise."""
    async with _held(folder / STARTING_LOCK, fcntl.LOCK_EX):
        yield


def served_url(folder: Path) -> str | None:
    """Where a living pair serves; None while it starts, and where there is none."""
    with _opened(folder / SERVING_LOCK) as descriptor:
        if _has_locked(descriptor, fcntl.LOCK_SH):
            return None
        return os.pread(descriptor, MAX_URL_BYTES, 0).decode() or None


class Sharing:
    """The pair's own side."""

    def __init__(self, serving: int, used: int, end: Callable[[], None]) -> None:
        self._serving = serving
        self._used = used
        self._end = end
        self._is_busy: IsBusy | None = None
        self._announced = asyncio.Event()

    def announce(self, url: str, is_busy: IsBusy) -> None:
        """Bridges may come from now on, and it ends when none does and nothing runs."""
        os.pwrite(self._serving, url.encode(), 0)
        self._is_busy = is_busy
        self._announced.set()

    async def watch(self) -> None:
        """Returns once it has asked the pair to end, with the lock in its hand."""
        await self._announced.wait()
        loop = asyncio.get_running_loop()
        used_at_s = loop.time()
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            if not _has_locked(self._used, fcntl.LOCK_EX):
                used_at_s = loop.time()
                continue
            if loop.time() - used_at_s >= LINGER_S and not await self._works():
                self._end()
                return
            fcntl.flock(self._used, fcntl.LOCK_UN)

    async def _works(self) -> bool:
        return self._is_busy is not None and await self._is_busy()


@contextlib.asynccontextmanager
async def sharing(folder: Path, end: Callable[[], None]) -> AsyncIterator[Sharing]:
    """The block is the pair's life. `StartError` if there is one already."""
    async with contextlib.AsyncExitStack() as stack:
        used = stack.enter_context(_opened(folder / USED_LOCK))
        try:
            async with asyncio.timeout(LOOK_S):
                serving = await stack.enter_async_context(_held(folder / SERVING_LOCK, fcntl.LOCK_EX))
        except TimeoutError as error:
            raise StartError(f"there is a gateway for bridges in {folder} already") from error
        os.ftruncate(serving, 0)
        shared = Sharing(serving, used, end)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        watching = group.create_task(shared.watch(), name="watch for the last bridge")
        try:
            yield shared
        finally:
            watching.cancel()


@contextlib.asynccontextmanager
async def _held(path: Path, kind: int) -> AsyncIterator[int]:
    with _opened(path) as descriptor:
        while not _has_locked(descriptor, kind):  # noqa: ASYNC110 - no event tells that a lock is free
            await asyncio.sleep(POLL_INTERVAL_S)
        yield descriptor


def _has_locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
