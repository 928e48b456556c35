"""Reads the output of processes and writes their input through pipes, without extra threads."""

import asyncio
import os
from collections.abc import Callable
from typing import IO

import uvloop

READ_BYTES = 64 * 1024


class Reading:
    """Reads a pipe until its end and passes each chunk to `take`. Owns the descriptor.

    Each command has two of these and usually prints only a few bytes, so they do without a task and a transport.
    `at_end` is called once, after the last chunk.
    """

    def __init__(
        self, descriptor: int, take: Callable[[bytes], None], at_end: Callable[[], None] | None = None
    ) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._take = take
        self._at_end = at_end
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        """Done at the end of the pipe. It holds the error if `take` or `at_end` raised one, which ends the reading."""
        self._loop.add_reader(descriptor, self._read)

    def close(self) -> None:
        """Stops reading. May be called after the end."""
        if not self.ended.done():
            self._end(None)
        if not self.ended.cancelled():
            self.ended.exception()  # an error that nobody waits for any more is not logged

    def _read(self) -> None:
        try:
            chunk = os.read(self._descriptor, READ_BYTES)
            if chunk:
                self._take(chunk)
        except BlockingIOError:
            return
        except Exception as error:  # noqa: BLE001 - `ended` raises it
            self._end(error)
        else:
            if not chunk:
                self._end(None)

    def _end(self, error: Exception | None) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        try:
            if self._at_end is not None:
                self._at_end()
        except Exception as error_at_end:  # noqa: BLE001 - `ended` raises it
            error = error or error_at_end
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)


async def read(descriptor: int, take: Callable[[bytes], None]) -> None:
    """Passes each chunk to `take` until the end. Owns the descriptor."""
    reading = Reading(descriptor, take)
    try:
        await asyncio.wait({reading.ended})
        reading.ended.result()
    finally:
        reading.close()


class _End(asyncio.BaseProtocol):
    def __init__(self) -> None:
        self.reached = asyncio.Event()

    def connection_lost(self, _: Exception | None) -> None:
        self.reached.set()


async def write(descriptor: int, data: bytes) -> None:
    """Writes the data and closes the pipe. Stops early if the reader closes its end. Owns the descriptor."""
    transport, end = await asyncio.get_running_loop().connect_write_pipe(_End, _file(descriptor))
    try:
        transport.write(data)
        transport.close()
        await end.reached.wait()
    except BaseException:
        transport.abort()
        raise


def _file(descriptor: int) -> IO[bytes]:
    """Returns a file object for a pipe's transport. Under uvloop, the file does not close the descriptor.

    uvloop closes the descriptor first and the file later, when another thread may already use the same number.
    """
    return os.fdopen(descriptor, "wb", buffering=0, closefd=not isinstance(asyncio.get_running_loop(), uvloop.Loop))
