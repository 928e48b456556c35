"""Delivers a masked answer to a command, object by object, as fast as the command reads."""

import asyncio
from collections.abc import Sequence
from functools import partial

from worker.door.http import headers
from worker.door.http.child_connection import ChildConnection
from worker.door.http.delivery import Copy
from worker.door.http.errors import ServerError
from worker.door.http.server_connection import AnswerHead, ServerConnection
from worker.door.masking.answers import AnswerMask
from worker.door.masking.splitting import Piece
from worker.door.masking.tree import MaskingError
from worker.door.masking.turns import Turns
from worker.door.requests import bodies

MOST_HELD_BYTES = 256 * 1024
"""Bytes that wait to be masked. Then the server has to wait."""
_MOST_CHUNK_BYTES = 64 * 1024
_CHUNKED = "Transfer-Encoding: chunked"
_CLOSES = "Connection: close"
_LAST_CHUNK = b"0\r\n\r\n"


def _check(head: AnswerHead) -> None:
    if head.header("content-encoding") not in {"", "identity"}:
        raise MaskingError("it is compressed")
    if bodies.media_type(head.header("content-type")) != "application/json":
        raise MaskingError("it is not JSON")


class MaskedDelivery:
    """One answer on its way to a command."""

    def __init__(
        self, child: ChildConnection, head: AnswerHead, mask: AnswerMask, *, turns: Turns, keeps_connection: bool
    ) -> None:
        self._child = child
        self._answer = head
        self._mask = mask
        self._splitter = mask.splitter()
        self._flow = _Flow()
        self._turns = turns
        framing = _CHUNKED if keeps_connection else f"{_CHUNKED}\r\n{_CLOSES}"
        self._head = headers.answer(head.status, headers.allowed(head.headers), framing=framing)
        self.has_begun = False
        """Whether the command has got a part of the answer."""

    async def run(self, source: ServerConnection, *, copy: Copy | None) -> None:
        """Delivers the answer. Raises `MaskingError` if it cannot be masked, `ServerError` if it breaks off."""
        _check(self._answer)
        arrivals = _Arrivals(source, copy)
        source.deliver_to(arrivals)
        self._child.flow_from(self._flow)
        if self._mask.is_of_watch:  # the command waits for the head, and the first event may come much later
            self._write()
        is_last = False
        while not is_last:
            arrived, is_last = await arrivals.next()
            pieces: list[Piece] = []
            for data in arrived:
                pieces += await self._turns.take(partial(self._splitter.feed, data))
            await self._send(pieces + self._splitter.end() if is_last else pieces)
        self._write(_LAST_CHUNK)

    async def _send(self, pieces: Sequence[Piece]) -> None:
        """Sends what is complete of the answer, in few chunks."""
        ready: list[bytes] = []
        size_bytes = 0
        for piece in pieces:
            ready.append(await self._masked(piece))
            size_bytes += len(ready[-1])
            if size_bytes > _MOST_CHUNK_BYTES:
                await self._send_chunk(ready, size_bytes)
                ready, size_bytes = [], 0
        if size_bytes:
            await self._send_chunk(ready, size_bytes)

    async def _send_chunk(self, parts: Sequence[bytes], size_bytes: int) -> None:
        self._write(b"%x\r\n" % size_bytes, *parts, b"\r\n")
        await self._flow.opened()

    def _write(self, *parts: bytes) -> None:
        self._child.write(*(() if self.has_begun else (self._head,)), *parts)
        self.has_begun = True

    async def _masked(self, piece: Piece) -> bytes:
        if not piece.is_masked:
            return piece.content
        return await self._turns.take(partial(self._mask.masked, piece.content))


class _Flow:
    """Tells whether the command reads on."""

    def __init__(self) -> None:
        self._is_open = asyncio.Event()
        self._is_open.set()

    def pause(self) -> None:
        self._is_open.clear()

    def resume(self) -> None:
        self._is_open.set()

    async def opened(self) -> None:
        await self._is_open.wait()


class _Arrivals:
    """Holds what has arrived of an answer."""

    def __init__(self, source: ServerConnection, copy: Copy | None) -> None:
        self._source = source
        self._copy = copy
        self._pieces: list[bytes] = []
        self._held_bytes = 0
        self._is_last = False
        self._error: ServerError | None = None
        self._has_news = asyncio.Event()

    def take(self, pieces: Sequence[bytes], *, is_last: bool) -> None:
        if self._copy is not None:
            self._copy.add(pieces)
        self._pieces += pieces
        self._held_bytes += sum(map(len, pieces))
        self._is_last = is_last
        if not is_last and self._held_bytes > MOST_HELD_BYTES:
            self._source.pause()
        self._has_news.set()

    def fail(self, error: ServerError) -> None:
        self._error = error
        self._has_news.set()

    async def next(self) -> tuple[list[bytes], bool]:
        """Returns what has arrived, and whether it is the last. Raises `ServerError`."""
        await self._has_news.wait()
        self._has_news.clear()
        if self._error is not None:
            raise self._error
        arrived, self._pieces, self._held_bytes = self._pieces, [], 0
        if not self._is_last:
            self._source.resume()
        return arrived, self._is_last
