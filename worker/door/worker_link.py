"""The door's end of the link to its worker."""

import asyncio
import itertools
import os
import socket
from collections.abc import Callable

from shared.changes import Change
from worker.door import messages
from worker.door.http.errors import ServerError
from worker.door.messages import Admit, Ask, Complete, Dial, Dialled, Dismiss, Intend, Intended, Seen, ToWorker
from worker.launcher.channel import Channel, close_all
from worker.launcher.link import Link

MOST_REPORT_BYTES = 64 * 1024
"""Longest report of a request. The link carries no packet of any length."""
DIAL_TIMEOUT_S = 20.0
"""Seconds for the worker to dial, which has a shorter limit of its own."""


class WorkerLink:
    """Sends to the worker and matches its answers. `on_order` gets what the worker asks for, with its descriptors."""

    def __init__(
        self,
        channel: Channel,
        *,
        on_order: Callable[[Admit | Dismiss | Ask, list[int]], None],
        on_end: Callable[[], None],
    ) -> None:
        self._on_order = on_order
        self._numbers = itertools.count(1)
        self._dials: dict[int, asyncio.Future[socket.socket]] = {}
        self._notes: dict[tuple[int, int], asyncio.Future[str | None]] = {}
        self._link = Link(channel, on_packet=self._on_packet, on_end=on_end)

    def tell(self, message: ToWorker, *descriptors: int) -> None:
        """Sends a message, and closes its descriptors then."""
        self._link.send(messages.encode(message), descriptors)

    def report(self, seen: Seen) -> None:
        """Reports a request, unless the report would be too long."""
        packet = messages.encode(seen)
        if len(packet) <= MOST_REPORT_BYTES:
            self._link.send(packet)

    async def dial(self, visit: int) -> socket.socket:
        """Returns a socket that is connected to the server of a visit. Raises `ServerError`."""
        number = next(self._numbers)
        dialled: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
        self._dials[number] = dialled
        self.tell(Dial(dial=number, visit=visit))
        try:
            async with asyncio.timeout(DIAL_TIMEOUT_S):
                return await dialled
        except TimeoutError:
            raise ServerError("i/o timeout") from None
        finally:
            del self._dials[number]

    async def intend(self, visit: int, change: Change) -> str | None:
        """Has a change noted. Returns why it must not be forwarded, or None if it may."""
        key = visit, change.number
        noted: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._notes[key] = noted
        self.tell(Intend(visit=visit, change=change))
        try:
            return await noted
        finally:
            del self._notes[key]

    def complete(self, visit: int, change: Change) -> None:
        """Tells the outcome of a noted change."""
        self.tell(Complete(visit=visit, change=change))

    def _on_packet(self, packet: bytes, descriptors: list[int]) -> None:
        message = messages.decode_to_door(packet)
        if isinstance(message, Dialled):
            self._on_dialled(message, descriptors)
        elif isinstance(message, Intended):
            noted = self._notes.get((message.visit, message.number))
            if noted is not None and not noted.done():
                noted.set_result(message.refusal)
        else:
            self._on_order(message, descriptors)

    def _on_dialled(self, message: Dialled, descriptors: list[int]) -> None:
        dialled = self._dials.get(message.dial)
        if dialled is None or dialled.done():
            close_all(descriptors)
        elif descriptors:
            os.set_blocking(descriptors[0], False)
            dialled.set_result(socket.socket(fileno=descriptors[0]))
        else:
            dialled.set_exception(ServerError(message.error or "it was not dialled"))
