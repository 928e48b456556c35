"""Carries bytes both ways between two connections until both sides have said all."""

import asyncio
import contextlib
from asyncio import StreamReader, StreamWriter

CHUNK_BYTES = 64 * 1024
IDLE_TIMEOUT_S = 900.0
"""Clients of an API server and of Argo CD send something each half minute, even where they only wait."""
LINGER_S = 5.0
"""What was read is written out, to a side that takes it."""

Streams = tuple[StreamReader, StreamWriter]


async def carry(one: Streams, other: Streams) -> None:
    """Returns when both sides have ended, when one breaks, or when both have been silent for too long."""
    try:
        async with asyncio.timeout(IDLE_TIMEOUT_S) as silence, asyncio.TaskGroup() as group:
            group.create_task(_pump(one[0], other[1], silence), name="relay to the server")
            group.create_task(_pump(other[0], one[1], silence), name="relay to the command")
    except* OSError:  # a time-out is one
        pass


async def close(writer: StreamWriter) -> None:
    """Writes out what is buffered, for some seconds, and closes."""
    writer.close()
    with contextlib.suppress(OSError):  # a time-out is one
        async with asyncio.timeout(LINGER_S):
            await writer.wait_closed()


async def _pump(reader: StreamReader, writer: StreamWriter, silence: asyncio.Timeout) -> None:
    clock = asyncio.get_running_loop().time
    while data := await reader.read(CHUNK_BYTES):
        _check_open(writer)
        writer.write(data)
        await writer.drain()
        silence.reschedule(clock() + IDLE_TIMEOUT_S)
    _check_open(writer)
    writer.write_eof()


def _check_open(writer: StreamWriter) -> None:
    if writer.is_closing():
        raise BrokenPipeError
