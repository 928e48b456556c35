"""A fake before a real server: it answers some commands itself, as servers and proxies do that we cannot install."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from shared.network import redis_address
from shared.network.redis_address import RedisAddress

BUFFER_BYTES = 65_536


def bulk(text: str) -> bytes:
    """Text as an answer, such as that of INFO."""
    return f"${len(text.encode())}\r\n{text}\r\n".encode()


def error(text: str) -> bytes:
    return f"-{text}\r\n".encode()


@asynccontextmanager
async def impostor(
    socket: Path, answers: Mapping[str, bytes], *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[RedisAddress]:
    """Yields the address of a relay to the server on a Unix socket. `answers`: command in capitals, of one or two
    words → its whole answer.

    A client must have read all other answers before it sends one of these commands.
    """
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_serve(socket, answers, reader, writer), name="impostor")
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield redis_address.parse(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(
    socket: Path, answers: Mapping[str, bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    from_server, to_server = await asyncio.open_unix_connection(socket)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_carry(from_server, writer), name="from the server")
            while words := await _command(reader):
                names = b" ".join(words[:2]).decode(errors="replace").upper()
                answer = answers.get(names) or answers.get(names.partition(" ")[0])
                if answer is not None:
                    writer.write(answer)
                else:
                    to_server.write(b"".join([f"*{len(words)}\r\n".encode(), *map(_word, words)]))
            to_server.transport.abort()
    finally:
        to_server.transport.abort()
        writer.transport.abort()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(BUFFER_BYTES):
        writer.write(data)


async def _command(reader: asyncio.StreamReader) -> list[bytes]:
    """The next command's words, or none at the end."""
    try:
        count = int((await reader.readuntil(b"\r\n"))[1:])
        words = []
        for _ in range(count):
            length = int((await reader.readuntil(b"\r\n"))[1:])
            words.append((await reader.readexactly(length + 2))[:-2])
    except (asyncio.IncompleteReadError, ConnectionError):
        return []
    return words


def _word(word: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(word), word)
