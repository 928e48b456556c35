"""Reads what processes print and writes what they read: pipes, without a thread of their own."""

import asyncio
import os
from collections.abc import Callable
from typing import IO

import uvloop

READ_BYTES = 64 * 1024


async def read(descriptor: int, take: Callable[[bytes], None]) -> None:
    """Each chunk until the end; owns the descriptor."""
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
    """All of it, then the end, or what a reader takes that goes; owns the descriptor."""
    transport, end = await asyncio.get_running_loop().connect_write_pipe(_End, _file(descriptor, "wb"))
    try:
        transport.write(data)
        transport.close()
        await end.reached.wait()
    except BaseException:
        transport.abort()
        raise


def _file(descriptor: int, mode: str) -> IO[bytes]:
    """For a pipe's transport, which closes it.

    uvloop closes the descriptor itself, and the file after it: by then another thread may have been given its number.
    """
    return os.fdopen(descriptor, mode, buffering=0, closefd=not isinstance(asyncio.get_running_loop(), uvloop.Loop))
