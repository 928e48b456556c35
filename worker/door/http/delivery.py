"""Delivers the answer of an API server to a command as it comes."""

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar

from worker.door.http import headers
from worker.door.http.child_connection import ChildConnection
from worker.door.http.errors import ServerError
from worker.door.http.server_connection import AnswerHead, ServerConnection

_LAST_CHUNK = b"0\r\n\r\n"
_CLOSES = "Connection: close"
MOST_COPIED_BYTES = 64 * 1024 * 1024
"""Bytes of all copies together. Beyond it nothing more is copied."""


class Copy:
    """Keeps the body of an answer up to a limit."""

    _all_bytes: ClassVar[int] = 0

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._content: bytearray | None = bytearray()

    def add(self, pieces: Sequence[bytes]) -> None:
        """Takes the next pieces."""
        if self._content is None:
            return
        size_bytes = sum(map(len, pieces))
        if len(self._content) + size_bytes > self._most_bytes or Copy._all_bytes + size_bytes > MOST_COPIED_BYTES:
            self.take()
            return
        Copy._all_bytes += size_bytes
        for piece in pieces:
            self._content += piece

    def take(self) -> bytes | None:
        """Ends the copy. Returns the body so far; None if it is longer than a limit."""
        content, self._content = self._content, None
        if content is None:
            return None
        Copy._all_bytes -= len(content)
        return bytes(content)


class Delivery:
    """One answer on its way to a command. `ended` tells, when it is done, whether the body is complete."""

    def __init__(
        self,
        child: ChildConnection,
        head: AnswerHead,
        *,
        keeps_connection: bool,
        on_last: Callable[[], None],
        copy: Copy | None = None,
    ) -> None:
        self.ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._child = child
        self._is_chunked = not head.has_length
        self._keeps_connection = keeps_connection
        self._on_last = on_last
        self._copy = copy
        framing = _framing(head) if keeps_connection else "\r\n".join(filter(None, (_framing(head), _CLOSES)))
        self._head = headers.answer(head.status, headers.allowed(head.headers), framing=framing)

    def begin(self, source: ServerConnection) -> None:
        """Takes what has arrived, and lets the rest flow as fast as the command reads."""
        source.deliver_to(self)
        if self.ended.done():
            return
        if self._head:  # nothing of the body has come yet
            self._child.write(self._head)
            self._head = b""
        self._child.flow_from(source)

    def take(self, pieces: Sequence[bytes], *, is_last: bool) -> None:
        """Sends what has arrived, in one piece."""
        if self._copy is not None:
            self._copy.add(pieces)
        sent = [self._head, *pieces]
        self._head = b""
        if self._is_chunked:
            size = sum(map(len, pieces))
            if size:
                sent[1:1] = [b"%x\r\n" % size]
                sent.append(b"\r\n")
            if is_last:
                sent.append(_LAST_CHUNK)
        self._child.write(*sent)
        if is_last:
            self._on_last()
            self._child.finish(keeps_connection=self._keeps_connection)
            self._end(is_whole=True)

    def fail(self, error: ServerError) -> None:
        """Breaks the command's connection in the middle of the answer, as the server has done."""
        self._child.abort()
        self._end(is_whole=False)

    def _end(self, *, is_whole: bool) -> None:
        if not self.ended.done():
            self.ended.set_result(is_whole)


def _framing(head: AnswerHead) -> str:
    if not head.has_length:
        return "Transfer-Encoding: chunked"
    length = head.header("content-length")
    return f"Content-Length: {length}" if length else ""
