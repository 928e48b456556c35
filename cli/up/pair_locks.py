"""File locks in a common folder by which bridges share one gateway and worker, called a pair.

The kernel releases a lock when its holder dies, so a dead bridge does not count as a user. A pair that has no user and
runs no job ends by itself. Until it has ended, new bridges wait; then one of them starts the next pair.
"""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

from cli.errors import StartError

USED_LOCK = "used"
"""Lock that each bridge holds in shared mode. A pair that ends holds it in exclusive mode."""
SERVING_LOCK = "serving"
"""Lock that a running pair holds for its whole life. The file contains the pair's URL once the pair is ready."""
STARTING_LOCK = "starting"
"""Lock that a bridge holds while it starts a pair."""
LINGER_S = 5.0
"""Seconds that a pair waits after its last bridge has left; an editor that reloads its window reconnects sooner."""
POLL_INTERVAL_S = 0.1
LOOK_S = 10.0
"""Seconds to wait for the serving lock, which a bridge also holds for a moment when it looks for a pair."""
MAX_URL_BYTES = 1_024

IsBusy = Callable[[], Awaitable[bool]]


@contextlib.asynccontextmanager
async def in_use(folder: Path) -> AsyncIterator[None]:
    """Uses the pair while the block runs. Waits while an old pair ends; the caller sets the time limit."""
    async with _held(folder / USED_LOCK, fcntl.LOCK_SH):
        yield


@contextlib.asynccontextmanager
async def starting(folder: Path) -> AsyncIterator[None]:
    """Prevents other bridges from starting a pair while the block runs. Waits while another bridge starts one."""
    async with _held(folder / STARTING_LOCK, fcntl.LOCK_EX):
        yield


def served_url(folder: Path) -> str | None:
    """Returns the URL of the running pair, or None if there is no pair or it is still starting."""
    with _opened(folder / SERVING_LOCK) as descriptor:
        if _has_locked(descriptor, fcntl.LOCK_SH):
            return None
        return os.pread(descriptor, MAX_URL_BYTES, 0).decode() or None


class Sharing:
    """The locks of a running pair."""

    def __init__(self, serving: int, used: int, end: Callable[[], None]) -> None:
        self._serving = serving
        self._used = used
        self._end = end
        self._is_busy: IsBusy | None = None
        self._announced = asyncio.Event()

    def announce(self, url: str, is_busy: IsBusy) -> None:
        """Publishes the URL to bridges. From now on the pair ends when it has no bridge and runs no job."""
        os.pwrite(self._serving, url.encode(), 0)
        self._is_busy = is_busy
        self._announced.set()

    async def watch(self) -> None:
        """Waits until the pair has no more use, asks it to end, and returns with the lock still held."""
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
    """Holds the pair's locks while the block runs. Raises `StartError` if a pair is already running."""
    async with contextlib.AsyncExitStack() as stack:
        used = stack.enter_context(_opened(folder / USED_LOCK))
        try:
            async with asyncio.timeout(LOOK_S):
                serving = await stack.enter_async_context(_held(folder / SERVING_LOCK, fcntl.LOCK_EX))
        except TimeoutError as error:
            raise StartError(f"a gateway for bridges is already running in {folder}") from error
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
        while not _has_locked(descriptor, kind):  # noqa: ASYNC110 - there is no event for a released lock
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
