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


class _Writing(asyncio.BaseProtocol):
    """The state of a pipe that is written."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()

    async def room(self) -> None:
        """Waits until the reader has taken most of what was written, or has closed its end."""
        await self._has_room.wait()

    def pause_writing(self) -> None:
        self._has_room.clear()

    def resume_writing(self) -> None:
        self._has_room.set()

    def connection_lost(self, _: Exception | None) -> None:
        self.ended.set()
        self._has_room.set()


async def write(descriptor: int, data: bytes) -> None:
    """Writes the data and closes the pipe. Stops early if the reader closes its end. Owns the descriptor."""
    transport, writing = await asyncio.get_running_loop().connect_write_pipe(_Writing, _file(descriptor, "wb"))
    try:
        transport.write(data)
        transport.close()
        await writing.ended.wait()
    except BaseException:
        transport.abort()
        raise


async def carry(source: int, target: int, *, change: Callable[[bytes], bytes], at_end: Callable[[], bytes]) -> None:
    """Writes what it reads, changed, and at last what `at_end` returns. Owns both descriptors.

    Reads no faster than the target is read. If the target's reader closes its end, then so does this one at the source.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=READ_BYTES)
    reading, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), _file(source, "rb"))
    try:
        transport, writing = await loop.connect_write_pipe(_Writing, _file(target, "wb"))
        try:
            while not transport.is_closing() and (chunk := await _next(reader, writing)):
                _write(transport, change(chunk))
                await writing.room()
            _write(transport, at_end())
            transport.close()
            await writing.ended.wait()
        except BaseException:
            transport.abort()
            raise
    finally:
        reading.close()


def _write(transport: asyncio.WriteTransport, data: bytes) -> None:
    """Writes unless the reader has closed its end, after which a transport of uvloop raises RuntimeError."""
    if data and not transport.is_closing():
        transport.write(data)


async def _next(reader: asyncio.StreamReader, writing: _Writing) -> bytes:
    """Returns the next chunk; nothing at the end of the source, or when the target was closed."""
    chunk = asyncio.ensure_future(reader.read(READ_BYTES))
    ended = asyncio.ensure_future(writing.ended.wait())
    try:
        await asyncio.wait({chunk, ended}, return_when=asyncio.FIRST_COMPLETED)
        return chunk.result() if chunk.done() else b""
    finally:
        for waiting in (chunk, ended):
            waiting.cancel()


def _file(descriptor: int, mode: str) -> IO[bytes]:
    """Returns a file object for a pipe's transport. Under uvloop, the file does not close the descriptor.

    uvloop closes the descriptor first and the file later, when another thread may already use the same number.
    """
    is_uvloop = isinstance(asyncio.get_running_loop(), uvloop.Loop)
    return os.fdopen(descriptor, mode, buffering=0, closefd=not is_uvloop)
