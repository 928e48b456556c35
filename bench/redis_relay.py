"""Stands between the product and Redis, and notes each message in the order in which it passes.

It runs in a thread of its own, because most callers of the benchmarks block. One thread reads all connections, so a
message never passes before one that caused it.
"""

import asyncio
import socket
import struct
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import background
from bench.redis_protocol import Messages

BUFFER_BYTES = 65_536
CREDENTIALS = struct.Struct("3i")
"""Process, user and group at the other end of a Unix socket: SO_PEERCRED of unix(7)."""
BLOCKING = frozenset({"BLPOP", "BRPOP", "BLMOVE", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP", "XREAD", "XREADGROUP"})
SUBSCRIBING = frozenset({"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"})
"""Each is answered once for every channel."""
PUSHED = frozenset({b"message", b"pmessage", b"smessage"})


@dataclass(frozen=True, slots=True)
class Message:
    """A command of the product, or what Redis sent."""

    at_s: float
    pid: int
    """Process of the product that sent or received it."""
    command: str
    """Its name. For an answer, that of the command that it answers, and nothing for a notice of a subscription."""
    answers: "Message | None"
    """The command that this answers; None for commands and notices."""
    is_command: bool

    @property
    def is_pushed(self) -> bool:
        """Whether Redis sent it because of what another connection did: a notice, or the end of a blocking pop."""
        return not self.is_command and (not self.command or self.command in BLOCKING)


class Relay:
    """What has passed since the start."""

    def __init__(self, socket: Path) -> None:
        self.url = f"unix://{socket}"
        """For the product."""
        self.messages: list[Message] = []

    def between(self, started_s: float, ended_s: float) -> list[Message]:
        """What passed between two readings of the monotonic clock."""
        return [message for message in self.messages if started_s <= message.at_s <= ended_s]


class _Connection:
    """Messages of one connection of the product."""

    def __init__(self, pid: int, messages: list[Message]) -> None:
        self._pid = pid
        self._messages = messages
        self._commands, self._answers = Messages(), Messages()
        self._unanswered: deque[Message] = deque()

    def from_product(self, data: bytes) -> None:
        for name, *arguments in self._commands.feed(data):
            command = Message(time.monotonic(), self._pid, name.decode().upper(), None, is_command=True)
            self._messages.append(command)
            self._unanswered.extend([command] * (len(arguments) if command.command in SUBSCRIBING else 1))

    def from_redis(self, data: bytes) -> None:
        for words in self._answers.feed(data):
            is_notice = bool(words) and words[0] in PUSHED
            command = None if is_notice else self._unanswered.popleft()
            name = command.command if command else ""
            self._messages.append(Message(time.monotonic(), self._pid, name, command, is_command=False))


def relay(server: Path, directory: Path) -> AbstractContextManager[Relay]:
    """Yields a relay before the server on that Unix socket; its own is made in the directory."""
    return background.entered(_serving(server, directory / "relay"), name="relay")


@asynccontextmanager
async def _serving(server: Path, socket_path: Path) -> AsyncIterator[Relay]:
    passed = Relay(socket_path)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_carry_both(reader, writer, server, messages=passed.messages), name="relay")
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async with await asyncio.start_unix_server(accept, socket_path):
        yield passed
        for task in (left := list(tasks)):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _carry_both(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Path, *, messages: list[Message]
) -> None:
    """Until one side ends, which ends both."""
    connection = _Connection(_pid(writer), messages)
    server_reader, server_writer = await asyncio.open_unix_connection(server)
    ways = (
        _carry(reader, server_writer, connection.from_product),
        _carry(server_reader, writer, connection.from_redis),
    )
    tasks = [asyncio.create_task(way, name="relay") for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for each in (writer, server_writer):
            each.transport.abort()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: Callable[[bytes], None]) -> None:
    """Notes what comes before it hands it on, so that nothing which it causes is noted before it."""
    while data := await reader.read(BUFFER_BYTES):
        note(data)
        writer.write(data)
        await writer.drain()


def _pid(writer: asyncio.StreamWriter) -> int:
    """The process at the other end."""
    options = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    pid: int = CREDENTIALS.unpack(options)[0]
    return pid
