"""A door in the hands of a test: start it, visit it, and speak HTTP to it byte by byte."""

import asyncio
import itertools
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from shared.changes import Change
from shared.effects import UNLIMITED, Effects
from shared.models import JobId
from tests.support import egress
from tests.support.waiting import wait_until
from worker import loopback
from worker.door.client.client import Door, Visit
from worker.door.messages import Access, Seen
from worker.egress.dialer import Dialer

__all__ = ["wait_until"]

JOB_ID = JobId("0" * 48)
LIMIT_S = 20
PRINCIPAL = "tester"
_passes = itertools.count(1)


@dataclass
class Notes:
    """A notary that notes each change, or refuses it with `refusal`; while `is_held` it does not answer."""

    refusal: str | None = None
    held: asyncio.Event | None = None
    intended: list[Change] = field(default_factory=list)
    completed: list[Change] = field(default_factory=list)

    async def intend(self, change: Change) -> str | None:
        self.intended.append(change)
        if self.held is not None:
            await self.held.wait()
        return self.refusal

    def complete(self, change: Change) -> None:
        self.completed.append(change)


@dataclass(frozen=True)
class Answered:
    """An answer of the door. `is_whole` is false if the connection broke in the middle of the body."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_whole: bool = True


class Client:
    """A command's connection to the door."""

    def __init__(self, reader: StreamReader, writer: StreamWriter, visit: Visit) -> None:
        self.reader = reader
        self.writer = writer
        self._visit = visit
        self._host = visit.address.url.removeprefix("http://").partition("/")[0]

    def request(self, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
        """The bytes of a good request."""
        fields = {"Host": self._host, **(headers or {})}
        if body:
            fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **fields}
        lines = [f"{method} /{self._visit.address.access.pass_}{path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body

    async def send(self, data: bytes) -> Answered:
        self.writer.write(data)
        await self.writer.drain()
        return await self.answer()

    async def get(self, path: str, **headers: str) -> Answered:
        return await self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    async def ask(self, method: str, path: str, **request: Any) -> Answered:
        return await self.send(self.request(method, path, **request))

    async def head(self) -> tuple[int, dict[str, str]]:
        async with asyncio.timeout(LIMIT_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        fields = (line.partition(":") for line in lines)
        return int(first.split(" ")[1]), {name.lower(): value.strip() for name, _, value in fields}

    async def answer(self) -> Answered:
        status, headers = await self.head()
        body = bytearray()
        async with asyncio.timeout(LIMIT_S):
            try:
                async for piece in self.pieces(headers):
                    body += piece
            except (asyncio.IncompleteReadError, ConnectionError):
                return Answered(status, headers, bytes(body), is_whole=False)
        return Answered(status, headers, bytes(body))

    async def pieces(self, headers: dict[str, str]) -> AsyncIterator[bytes]:
        """The body, chunk by chunk."""
        if "transfer-encoding" not in headers:
            yield await self.reader.readexactly(int(headers.get("content-length", "0")))
            return
        while size := int((await self.reader.readuntil(b"\r\n")).strip(), 16):
            yield await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)

    async def is_ended(self) -> bool:
        """Waits for the end of the connection, and says whether nothing came before it."""
        async with asyncio.timeout(LIMIT_S):
            try:
                return not await self.reader.read()
            except ConnectionError:
                return True


@asynccontextmanager
async def running(dialer: Dialer | None = None) -> AsyncIterator[Door]:
    door = await Door.start(loopback.listener(), dialer or egress.dialer())
    try:
        yield door
    finally:
        await door.close()


@asynccontextmanager
async def visited(
    door: Door,
    server: str,
    *,
    notary: Notes | None = None,
    reports: Callable[[Seen], None] | None = None,
    kinds: tuple[str, ...] | None = None,
    effects: Effects = UNLIMITED,
    **access: Any,
) -> AsyncIterator[Visit]:
    """A visit that the door knows already. `access` are fields of its `Access`."""
    fields = {"pass_": f"pass-{next(_passes)}", "principal": PRINCIPAL, "server": server, **access}
    given = door.visit(
        Access.model_validate(fields), job_id=JOB_ID, effects=effects, notary=notary, reports=reports, kinds=kinds
    )
    async with asyncio.timeout(3 * LIMIT_S), given as visit:
        await visit.admitted()
        yield visit


@asynccontextmanager
async def connected(door: Door, visit: Visit) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(loopback.HOST, door.port, limit=1 << 20)
    try:
        yield Client(reader, writer, visit)
    finally:
        writer.close()


async def opened(door: Door, visit: Visit, path: str) -> tuple[StreamReader, StreamWriter]:
    """Sends a GET and reads the head of its answer. The test closes the connection."""
    reader, writer = await asyncio.open_connection(loopback.HOST, door.port, limit=1 << 20)
    client = Client(reader, writer, visit)
    writer.write(client.request("GET", path))
    await client.head()
    return reader, writer


async def rest(reader: StreamReader) -> bytes:
    """What comes until the connection ends or breaks."""
    async with asyncio.timeout(LIMIT_S):
        try:
            return await reader.read()
        except ConnectionError:
            return b""
