"""Delivers the answer of an API server to a command as it comes."""

import asyncio
from collections.abc import Callable, Sequence

from worker.door.http import headers
from worker.door.http.child_connection import ChildConnection
from worker.door.http.errors import ServerError
from worker.door.http.server_connection import AnswerHead

_LAST_CHUNK = b"0\r\n\r\n"


class Copy:
    """Keeps the body of an answer up to a limit."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._content: bytearray | None = bytearray()

    @property
    def content(self) -> bytes | None:
        """The body so far; None if it is longer than the limit."""
        return None if self._content is None else bytes(self._content)

    def add(self, pieces: Sequence[bytes]) -> None:
        """Takes the next pieces."""
        if self._content is None:
            return
        for piece in pieces:
            self._content += piece
        if len(self._content) > self._most_bytes:
            self._content = None


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
        self._head = headers.answer(head.status, headers.allowed(head.headers), framing=_framing(head))

    def begin(self) -> None:
        """Sends the head, unless it was sent with the first piece."""
        head, self._head = self._head, b""
        if head and not self.ended.done():
            self._child.write(head)

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
