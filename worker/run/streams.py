"""Reads the output of processes and writes their input through pipes, without extra threads."""

import asyncio
import os
from collections.abc import Callable
from typing import IO

import uvloop

READ_BYTES = 64 * 1024


async def read(descriptor: int, take: Callable[[bytes], None]) -> None:
    """Passes each chunk to `take` until the end. Owns the descriptor."""
    reader = asyncio.StreamReader(limit=READ_BYTES)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), _file(descriptor, "rb")
    )
    try:
        while chunk := await reader.read(READ_BYTES):
            take(chunk)
    finally:
        transport.close()


class _End(asyncio.BaseProtocol):
    def __init__(self) -> None:
        self.reached = asyncio.Event()

    def connection_lost(self, _: Exception | None) -> None:
        self.reached.set()


async def write(descriptor: int, data: bytes) -> None:
    """Writes the data and closes the pipe. Stops early if the reader closes its end. Owns the descriptor."""
    transport, end = await asyncio.get_running_loop().connect_write_pipe(_End, _file(descriptor, "wb"))
    try:
        transport.write(data)
        transport.close()
        await end.reached.wait()
    except BaseException:
        transport.abort()
        raise


def _file(descriptor: int, mode: str) -> IO[bytes]:
    """Returns a file object for a pipe's transport. Under uvloop, the file does not close the descriptor.

    uvloop closes the descriptor first and the file later, when another thread may already use the same number.
    """
    return os.fdopen(descriptor, mode, buffering=0, closefd=not isinstance(asyncio.get_running_loop(), uvloop.Loop))
