"""Copies bytes in both directions between two connections until both sides have ended."""

import asyncio
import contextlib
import socket
from asyncio import StreamReader, StreamWriter

CHUNK_BYTES = 64 * 1024
IDLE_TIMEOUT_S = 900.0
"""Seconds of silence that end a relay. Clients of API servers and Argo CD send data every 30 s while they wait."""
LINGER_S = 5.0
"""Seconds in which buffered bytes are still written after the end."""

Streams = tuple[StreamReader, StreamWriter]


async def opened(connected: socket.socket) -> Streams:
    """Returns the streams of a connected socket, which belongs to them from then on."""
    try:
        return await asyncio.open_connection(sock=connected)
    except BaseException:
        connected.close()
        raise


async def carry(one: Streams, other: Streams) -> None:
    """Returns when both sides have ended, when one breaks, or when both have been silent for too long."""
    try:
        async with asyncio.timeout(IDLE_TIMEOUT_S) as silence, asyncio.TaskGroup() as group:
            group.create_task(_pump(one[0], other[1], silence), name="relay to the server")
            group.create_task(_pump(other[0], one[1], silence), name="relay to the command")
    except* OSError:  # a timeout is an OSError
        pass


async def close(writer: StreamWriter) -> None:
    """Writes buffered bytes for at most `LINGER_S`, then closes the connection."""
    writer.close()
    with contextlib.suppress(OSError):  # a timeout is an OSError
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
