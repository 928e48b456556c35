"""One connection that the faulty server has accepted: reads requests from it and sends whatever an answer wants."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

HEAD_BYTES = 1 << 20
BUFFERED_BYTES = 65_536
"""With nothing allowed in its buffer, uvloop's TLS would wait for ever."""
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived. Names of headers are in lower case, in their order."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int
    """The number of the connection that it came on, counted from 1."""

    def header(self, name: str) -> str | None:
        """The first value of that header."""
        return next((value for each, value in self.headers if each == name.lower()), None)


class Connection:
    """A client's connection. `number` counts the server's connections from 1."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.number = number
        self.sent_bytes = 0
        self.is_held_back = False
        """Whether the client leaves no room for what is to be sent."""
        self._reader = reader
        self._writer = writer
        writer.transport.set_write_buffer_limits(high=BUFFERED_BYTES)

    async def request(self) -> Request | None:
        """The next request with its body; None when the client has ended the connection."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        method, target, _ = first.split(" ")
        headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
        length = int(dict(headers).get("content-length", "0"))
        body = await self._reader.readexactly(length)
        return Request(method, target, headers, body, self.number)

    async def send(self, data: bytes) -> None:
        """Returns once the kernel has all but `BUFFERED_BYTES` of them."""
        self._writer.write(data)
        self.is_held_back = True
        try:
            await self._writer.drain()
        finally:
            self.is_held_back = False
        self.sent_bytes += len(data)

    async def receive(self) -> bytes:
        """What the client sent; empty once it has ended its side."""
        return await self._reader.read(65_536)

    def end(self) -> None:
        """Ends the connection after what was sent."""
        self._writer.close()

    async def ended(self) -> None:
        """Waits for the end. Raises OSError if the client has broken the connection."""
        await self._writer.wait_closed()

    def reset(self) -> None:
        """Ends the connection with a TCP reset instead of an orderly end."""
        raw: socket.socket = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.abort()

    def abort(self) -> None:
        self._writer.transport.abort()

    @property
    def is_ending(self) -> bool:
        return self._writer.is_closing()


Answer = Callable[[Connection, Request], Awaitable[None]]
