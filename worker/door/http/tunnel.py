"""Carries the bytes of an upgraded connection in both directions, each only as fast as the other side reads."""

import asyncio

LINGER_S = 1.0
"""Seconds in which the server still gets what a command wrote before its end."""


class Tunnel:
    """The two sides of a tunnel; `ended` is done when both have ended."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sides: set[asyncio.Transport] = set()

    def join(self, child: asyncio.Transport, server: asyncio.Transport, *, arrived: bytes) -> None:
        """Connects both sides. `arrived` are bytes of the server that have been read already."""
        self._sides = {side for side in (child, server) if not side.is_closing()}
        child.set_protocol(_Side(self, child, other=server, linger_s=LINGER_S))
        server.set_protocol(_Side(self, server, other=child, linger_s=None))
        if not server.is_closing():
            server.resume_reading()
        if arrived and not child.is_closing():
            child.write(arrived)
        if len(self._sides) < 2:  # noqa: PLR2004 - one has ended before
            for side in tuple(self._sides):
                side.close()
            self._check()

    def leave(self, side: asyncio.Transport, *, linger_s: float | None) -> None:
        """Notes the end of one side. The other one ends after what was written, at the latest after `linger_s`."""
        self._sides.discard(side)
        for other in self._sides:
            other.close()
            if linger_s is not None:
                asyncio.get_running_loop().call_later(linger_s, other.abort)
        self._check()

    def abort(self) -> None:
        """Breaks both sides at once."""
        for side in tuple(self._sides):
            side.abort()

    def _check(self) -> None:
        if not self._sides and not self.ended.done():
            self.ended.set_result(None)


class _Side(asyncio.Protocol):
    """Sends what arrives on one side to the other one."""

    def __init__(
        self, tunnel: Tunnel, own: asyncio.Transport, *, other: asyncio.Transport, linger_s: float | None
    ) -> None:
        self._tunnel = tunnel
        self._own = own
        self._other = other
        self._linger_s = linger_s

    def data_received(self, data: bytes) -> None:
        if not self._other.is_closing():
            self._other.write(data)

    def pause_writing(self) -> None:
        if not self._other.is_closing():
            self._other.pause_reading()

    def resume_writing(self) -> None:
        if not self._other.is_closing():
            self._other.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self._tunnel.leave(self._own, linger_s=self._linger_s)
