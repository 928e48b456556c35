"""Collects the body of a request, which the door reads as a whole before it judges and forwards it."""

import httptools

from worker.door.http.errors import BadRequestError
from worker.door.http.request_head import MOST_BODY_BYTES, Head

_CHUNKED_HEAD = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


class BodyBudget:
    """Bytes that the bodies of one visit may take together until their requests are answered."""

    def __init__(self, most_bytes: int) -> None:
        self._left_bytes = most_bytes

    def take(self, size_bytes: int) -> None:
        """Takes bytes out of the budget. Raises `BadRequestError` if too few are left."""
        if size_bytes > self._left_bytes:
            raise BadRequestError("the command sends too many long bodies at once", 503)
        self._left_bytes -= size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Puts bytes back."""
        self._left_bytes += size_bytes


class RequestBody:
    """The body that follows a head."""

    def __init__(self, head: Head, budget: BodyBudget) -> None:
        self.head = head
        self._budget = budget
        self._reserved_bytes = MOST_BODY_BYTES if head.is_chunked else head.content_length
        budget.take(self._reserved_bytes)
        self._content = bytearray()
        self._chunks = _Chunks(self._content) if head.is_chunked else None

    @property
    def content(self) -> bytes:
        """What has been read so far."""
        return bytes(self._content)

    def note_end(self) -> None:
        """Puts back what the whole body does not need."""
        unused_bytes = self._reserved_bytes - len(self._content)
        self._budget.give_back(unused_bytes)
        self._reserved_bytes -= unused_bytes
        self._content.clear()

    def release(self) -> None:
        """Puts back what the body has taken from the budget."""
        self._budget.give_back(self._reserved_bytes)
        self._reserved_bytes = 0

    def feed(self, data: bytes) -> bool:
        """Takes bytes of the connection. Returns whether the body is complete. Raises `BadRequestError`."""
        if self._chunks is not None:
            return self._chunks.feed(data)
        self._content += data
        if len(self._content) > self.head.content_length:
            raise BadRequestError("something follows its body")
        return len(self._content) == self.head.content_length


class _Chunks:
    """Decodes the chunks of one body."""

    def __init__(self, content: bytearray) -> None:
        self._content = content
        self._messages = 0
        self._is_complete = False
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(_CHUNKED_HEAD)

    def feed(self, data: bytes) -> bool:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            raise BadRequestError("its chunks are not valid") from None
        if self._messages > 1:
            raise BadRequestError("something follows its body")
        if len(self._content) > MOST_BODY_BYTES:
            raise BadRequestError(f"its body has more than {MOST_BODY_BYTES} bytes", 413)
        return self._is_complete

    def on_message_begin(self) -> None:
        self._messages += 1

    def on_body(self, piece: bytes) -> None:
        self._content += piece

    def on_message_complete(self) -> None:
        self._is_complete = True
