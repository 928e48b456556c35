"""A connection to an API server. It sends one request at a time and delivers the answer as it comes."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

import httptools

from worker.door.http import failure_words
from worker.door.http.errors import ServerError

MOST_HEAD_BYTES = 1024 * 1024
"""Longest head of an answer, with the informational ones before it, and most bytes between two pieces of a body."""
MOST_HELD_BYTES = 256 * 1024
"""Bytes of a body that wait until somebody takes the answer. Then the server has to wait."""
_BUFFER = bytearray(256 * 1024)
"""What a connection reads into. All share it: what was read is taken before anything else is read."""
_SWITCHES = 101
_LEAST_FINAL = 200
_WITHOUT_BODY = frozenset({204, 304})


class Receiver(Protocol):
    """Takes the body of an answer."""

    def take(self, pieces: Sequence[bytes], *, is_last: bool) -> None:
        """Takes what has arrived of the body."""

    def fail(self, error: ServerError) -> None:
        """Notes that the rest of the body will never come."""


@dataclass(slots=True)
class AnswerHead:
    """The head of an answer. Names of headers are in lower case."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)

    def header(self, name: str) -> str:
        """Returns the value of a header; empty if there is none."""
        return next((value for known, value in self.headers if known == name), "")

    @property
    def has_length(self) -> bool:
        """Whether the answer says how long its body is, or has none."""
        return self.status in _WITHOUT_BODY or bool(self.header("content-length") and not self._is_chunked)

    @property
    def has_body(self) -> bool:
        """Whether a body may follow."""
        return self.status not in _WITHOUT_BODY

    @property
    def ends_with_connection(self) -> bool:
        """Whether only the end of the connection ends the body."""
        return not self.has_length and not self._is_chunked

    @property
    def _is_chunked(self) -> bool:
        return "chunked" in self.header("transfer-encoding").lower()


class ServerConnection(asyncio.BufferedProtocol):
    """An open connection. `ask` may be called again as soon as `is_idle`."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._parser: httptools.HttpResponseParser | None = None
        self._head = AnswerHead()
        self._head_bytes = 0
        self._bytes_without_body = 0
        """Bytes since the last piece of a body: of heads, of trailers, and around chunks."""
        self._answered: asyncio.Future[AnswerHead] | None = None
        self._pieces: list[bytes] = []
        self._rest = b""
        self._receiver: Receiver | None = None
        self._is_complete = True
        self._has_switched = False
        self._is_paused = False
        self._keeps_open = True
        self._error: ServerError | None = None

    @property
    def is_idle(self) -> bool:
        """Whether the last answer is complete and the connection can take the next request."""
        is_open = self._keeps_open and not self._transport.is_closing()
        return self._is_complete and is_open and not self._transport.get_write_buffer_size()

    async def ask(self, request: bytes) -> AnswerHead:
        """Sends a request. Returns the head of the answer. Raises `ServerError`."""
        self._parser = httptools.HttpResponseParser(self)
        self._head, self._head_bytes, self._bytes_without_body = AnswerHead(), 0, 0
        self._pieces, self._receiver, self._is_complete = [], None, False
        self._answered = asyncio.get_running_loop().create_future()
        if self._error is not None or self._transport.is_closing():
            raise self._error or ServerError("EOF", is_unanswered=True)
        self._transport.write(request)
        try:
            return await self._answered
        except asyncio.CancelledError:
            self.abort()
            raise

    def deliver_to(self, receiver: Receiver) -> None:
        """Gives the receiver what has arrived of the body, and from then on each piece as it arrives."""
        self._receiver = receiver
        self.resume()
        self._deliver()
        if not self._is_complete and self._error is not None:
            receiver.fail(self._error)

    def pause(self) -> None:
        """Lets the server wait. After the end of an answer there is nothing to wait for: nobody would resume."""
        if not (self._is_complete or self._is_paused or self._transport.is_closing()):
            self._is_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Reads on."""
        if self._is_paused and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()

    def hand_over(self) -> tuple[asyncio.Transport, bytes]:
        """Returns the transport, which now belongs to a tunnel, and what has arrived of the tunnel's bytes."""
        return self._transport, self._rest

    def close(self) -> None:
        """Ends a connection that nobody uses."""
        self._keeps_open = False
        if self._transport.is_closing() or self._transport.get_write_buffer_size():  # it would wait for the server
            self._transport.abort()
        else:
            self._transport.close()

    def abort(self) -> None:
        """Breaks the connection at once."""
        self._keeps_open = False
        self._transport.abort()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class is not derived from it

    def get_buffer(self, sizehint: int) -> bytearray:
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        with memoryview(_BUFFER)[:nbytes] as data:
            self._read(data)

    def _read(self, data: memoryview) -> None:
        if self._has_switched:
            self._rest += data
            return
        if self._is_complete or self._parser is None:  # an idle server has nothing to say
            self.abort()
            return
        try:
            self._bytes_without_body += len(data)
            self._parser.feed_data(data)
            self._check_head(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._rest = bytes(data[upgrade.args[0] :])
            self._has_switched, self._keeps_open = True, False
            self.pause()
        except (httptools.HttpParserError, ServerError):
            self._tell()
            self._break(ServerError("malformed HTTP response"))
            return
        self._tell()

    def eof_received(self) -> None:
        """Lets the transport close."""

    def connection_lost(self, error: Exception | None) -> None:
        self._keeps_open = False
        if self._is_complete:
            return
        if error is None and self._is_answered and self._head.ends_with_connection:
            self._is_complete = True
            self._deliver()
            return
        is_unanswered = self._head_bytes == 0 and not isinstance(error, ssl.SSLError)
        self._break(ServerError(failure_words.of_broken_connection(error), is_unanswered=is_unanswered))

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._is_complete:  # more than was asked for
            self._keeps_open = False
            return
        self._head = AnswerHead()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not (self._is_complete or self._head.status):  # what follows a body is no header
            self._head.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        if self._parser is not None and not self._is_complete:
            self._head.status = self._parser.get_status_code()

    def on_body(self, piece: bytes) -> None:
        if not self._is_complete:
            self._bytes_without_body = 0
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        if self._is_final and not self._is_complete and self._parser is not None:
            self._is_complete = True
            self._keeps_open = self._keeps_open and bool(self._parser.should_keep_alive())

    @property
    def _is_final(self) -> bool:
        return self._head.status >= _LEAST_FINAL or self._has_switched

    @property
    def _is_answered(self) -> bool:
        return self._answered is not None and self._answered.done()

    def _check_head(self, data: memoryview) -> None:
        if not self._is_answered:
            self._head_bytes += len(data)
        if self._bytes_without_body > MOST_HEAD_BYTES and not self._is_complete:
            raise ServerError("its head or its trailer is too long")
        if self._head.status == _SWITCHES:  # the parser would have stopped here
            raise ServerError("it does not say what it switches to")

    def _tell(self) -> None:
        if self._is_final and self._answered is not None and not self._answered.done():
            self._answered.set_result(self._head)
        self._deliver()

    def _deliver(self) -> None:
        if self._receiver is None:
            if sum(map(len, self._pieces)) > MOST_HELD_BYTES:
                self.pause()
            return
        if not (self._pieces or self._is_complete):
            return
        receiver, pieces, self._pieces = self._receiver, self._pieces, []
        if self._is_complete:
            self._receiver = None
            self.resume()
        receiver.take(pieces, is_last=self._is_complete)

    def _break(self, error: ServerError) -> None:
        self._error = error
        self._keeps_open = False
        self._transport.abort()
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error)
        elif self._receiver is not None and not self._is_complete:
            self._receiver.fail(error)
