"""A command's connection to the door. It reads one request at a time, and takes the answer in pieces."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, cast

from worker.door.http import request_head, status
from worker.door.http.errors import BadRequestError
from worker.door.http.request_body import BodyBudget, RequestBody
from worker.door.http.request_head import END, MOST_HEADERS_BYTES, MOST_LINE_BYTES, Head

REQUEST_TIMEOUT_S = 30.0
"""Seconds in which a request must arrive as a whole, and a new connection its first one."""
LINGER_S = 2.0
"""Seconds in which the rest of a refused request is still read, so that no reset overtakes the answer."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """A request that has arrived as a whole."""

    head: Head
    body: bytes


class Guest(Protocol):
    """The visit to which a connection belongs."""

    bodies: BodyBudget
    """What the bodies of its requests may take together."""

    async def answer(self, request: Request, child: "ChildConnection") -> None:
        """Answers a request."""

    def leave(self, child: "ChildConnection") -> None:
        """Forgets a connection that has ended."""


class Reception(Protocol):
    """The door, as its connections see it."""

    def enter(self, child: "ChildConnection") -> bool:
        """Counts a new connection. Returns whether there is room for it."""

    def admit(self, head: Head, child: "ChildConnection") -> Guest:
        """Returns the visit to which a request belongs. Raises `BadRequestError`."""

    def start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Runs the answer to a request, and owns its task."""

    def leave(self, child: "ChildConnection") -> None:
        """Forgets a connection that has ended."""


class Source(Protocol):
    """Where the body of an answer comes from."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class ChildConnection(asyncio.Protocol):
    """One connection of a command, which sends its requests one after the other."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._transport: asyncio.Transport
        self._buffer = bytearray()
        self._body: RequestBody | None = None
        self._held: RequestBody | None = None
        """The body of the request that is being answered."""
        self._guest: Guest | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._source: Source | None = None
        self._is_full = False
        self._is_refused = False
        self.is_lost = False

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class is not derived from it
        if self._reception.enter(self):
            self._start_timer()
        else:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self._task is not None:  # a second request before the answer to the first one
            self.abort()
            return
        try:
            self._feed(data)
        except BadRequestError as error:
            self.refuse(error)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True
        self._leave()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._is_full = True
        if not self._transport.is_closing():  # a command that does not read sends nothing either
            self._transport.pause_reading()
        if self._source is not None:
            self._source.pause()

    def resume_writing(self) -> None:
        self._is_full = False
        self._read_on()
        if self._source is not None:
            self._source.resume()

    # What the answer to a request calls.

    def flow_from(self, source: Source) -> None:
        """Lets the source send only as fast as the command reads, until the answer ends."""
        self._source = source
        if self._is_full:
            source.pause()

    def write(self, *pieces: bytes) -> None:
        """Sends pieces of the answer."""
        if not self._transport.is_closing():
            self._transport.writelines(pieces)

    def finish(self, *, keeps_connection: bool) -> None:
        """Ends the answer. From then on the next request can come."""
        self._task = self._source = None
        self._release()
        if not keeps_connection:
            self._transport.close()

    def abort(self) -> None:
        """Breaks the connection at once, so that the command does not take half an answer for a whole one."""
        self._transport.abort()

    def hand_over(self) -> asyncio.Transport:
        """Returns the transport, which now belongs to a tunnel. `note_end_of_tunnel` must follow."""
        self._source = None
        if self._is_full:
            self._read_on()
        return self._transport

    def note_end_of_tunnel(self) -> None:
        """Notes that the tunnel has ended, and the connection with it."""
        self.is_lost = True
        self._task = None
        self._leave()

    def refuse(self, error: BadRequestError) -> None:
        """Answers a request that is not forwarded, and ends the connection."""
        text = str(error) if error.status == 401 else f"the request was refused: {error}"  # noqa: PLR2004
        self._stop_timer()
        self.write(status.answer(error.status, text, keeps_connection=False))
        self._is_refused = True
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._timer = asyncio.get_running_loop().call_later(LINGER_S, self.abort)

    def _feed(self, data: bytes) -> None:
        if self._timer is None:
            self._start_timer()
        if self._body is None:
            begin = max(0, len(self._buffer) - len(END))
            self._buffer += data
            end = self._buffer.find(END, begin)
            if end < 0:
                self._check_size()
                return
            head = request_head.parse(bytes(self._buffer[: end + len(END)]))
            data = bytes(self._buffer[end + len(END) :])
            self._buffer.clear()
            self._guest = self._reception.admit(head, self)
            self._body = RequestBody(head, self._guest.bodies)
            if head.expects_continue and not data:
                self.write(_CONTINUE)
        if self._body.feed(data):
            self._begin(self._body)

    def _check_size(self) -> None:
        if len(self._buffer) > MOST_LINE_BYTES and b"\r\n" not in self._buffer[: MOST_LINE_BYTES + 2]:
            raise BadRequestError(f"its first line has more than {MOST_LINE_BYTES} bytes", 414)
        if len(self._buffer) > MOST_LINE_BYTES + MOST_HEADERS_BYTES:
            raise BadRequestError(f"its headers have more than {MOST_HEADERS_BYTES} bytes", 431)

    def _begin(self, body: RequestBody) -> None:
        assert self._guest is not None  # noqa: S101 - it was found with the head
        self._stop_timer()
        self._body = None
        request = Request(body.head, body.content)
        body.note_end()
        self._held = body
        self._task = self._reception.start(self._guest.answer(request, self))

    def _leave(self) -> None:
        self._stop_timer()
        if self._body is not None:
            self._body.release()
        self._release()
        self._reception.leave(self)
        if self._guest is not None:
            self._guest.leave(self)

    def _release(self) -> None:
        if self._held is not None:
            self._held.release()
            self._held = None

    def _read_on(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _start_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(REQUEST_TIMEOUT_S, self.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
