"""Ways to answer a request, good and bad. Each function returns an answer for the server's script."""

import asyncio
import itertools
import json
from collections.abc import Iterable, Mapping

from tests.support.faulty_server.connection import Answer, Connection, Request

ENDLESS_PIECE = b"x" * 65_536
CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def responds(body: bytes = b"{}", *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A whole answer with its length, after which the connection stays open."""
    fields = {"Content-Type": "application/json", **(headers or {})}
    return says(_head(status, fields | {"Content-Length": str(len(body))}) + body)


def says(data: bytes) -> Answer:
    """Exactly these bytes; the connection stays open."""

    async def answer(connection: Connection, _: Request) -> None:
        await connection.send(data)

    return answer


def closes(after: bytes = b"") -> Answer:
    """Sends `after` and ends the connection in good order."""

    async def answer(connection: Connection, _: Request) -> None:
        await connection.send(after)
        connection.end()

    return answer


def resets(after: bytes = b"") -> Answer:
    """Sends `after` and resets the connection."""

    async def answer(connection: Connection, _: Request) -> None:
        await connection.send(after)
        connection.reset()

    return answer


def stalls(after: bytes = b"") -> Answer:
    """Sends `after` and nothing more, until the client ends the connection."""

    async def answer(connection: Connection, _: Request) -> None:
        await connection.send(after)
        while await connection.receive():
            pass
        connection.end()

    return answer


def drips(data: bytes, *, size: int = 1) -> Answer:
    """Sends the bytes in many small pieces, each in a segment of its own."""

    async def answer(connection: Connection, _: Request) -> None:
        for start in range(0, len(data), size):
            await connection.send(data[start : start + size])
            await asyncio.sleep(0)

    return answer


def streams(pieces: Iterable[bytes], *, released: asyncio.Semaphore) -> Answer:
    """A chunked body whose next piece goes out each time that the test releases one; the last one ends the answer."""

    async def answer(connection: Connection, _: Request) -> None:
        await connection.send(CHUNKED_HEAD)
        for piece in pieces:
            await released.acquire()
            await connection.send(chunk(piece))
        await released.acquire()
        await connection.send(chunk(b""))

    return answer


def sends_much(size_bytes: int | None = None) -> Answer:
    """A chunked body of that many bytes, or without an end, as fast as the client takes it."""
    pieces = itertools.repeat(ENDLESS_PIECE) if size_bytes is None else _pieces(size_bytes)

    async def answer(connection: Connection, _: Request) -> None:
        await connection.send(CHUNKED_HEAD)
        for piece in pieces:
            await connection.send(chunk(piece))
        await connection.send(chunk(b""))

    return answer


def breaks_a_chunk() -> Answer:
    """A good chunk, then one whose length is not a number."""
    return closes(CHUNKED_HEAD + chunk(b'{"kind":') + b"no length\r\n")


def speaks_http_1_0(body: bytes = b"{}") -> Answer:
    """An answer of HTTP/1.0 without a length: its body ends with the connection."""
    return closes(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + body)


def redirects(location: str, *, status: int = 302) -> Answer:
    return responds(b"", status=status, headers={"Location": location})


def refuses(status: int, reason: str, *, retry_after_s: int | None = None, message: str = "refused") -> Answer:
    """A Kubernetes `Status`: 401 `Unauthorized`, 403 `Forbidden`, 429 `TooManyRequests`, ..."""
    found = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": status,
    }
    wait = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return responds(json.dumps(found).encode(), status=status, headers=wait)


def upgrades(protocol: str) -> Answer:
    """Switches to that protocol and then sends back every byte that it gets."""

    async def answer(connection: Connection, _: Request) -> None:
        await connection.send(_head(101, {"Connection": "Upgrade", "Upgrade": protocol}))
        while data := await connection.receive():
            await connection.send(data)
        connection.end()

    return answer


def in_turn(*script: Answer) -> Answer:
    """Each request takes the next of these answers, whatever connection it comes on; the last one stays."""
    remaining = list(script)

    async def answer(connection: Connection, request: Request) -> None:
        chosen = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        await chosen(connection, request)

    return answer


def chunk(data: bytes) -> bytes:
    """That piece of a chunked body; an empty one ends the body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def _head(status: int, fields: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Told", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def _pieces(size_bytes: int) -> Iterable[bytes]:
    whole, rest = divmod(size_bytes, len(ENDLESS_PIECE))
    return [*itertools.repeat(ENDLESS_PIECE, whole), *([ENDLESS_PIECE[:rest]] if rest else [])]
