"""Carries the bytes of an upgraded connection in both directions, each only as fast as the other side reads."""

import asyncio


class Tunnel:
    """The two sides of a tunnel; `ended` is done when one of them has ended."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sides: list[asyncio.Transport] = []

    def join(self, child: asyncio.Transport, server: asyncio.Transport, *, arrived: bytes) -> None:
        """Connects both sides. `arrived` are bytes of the server that have been read already."""
        self._sides = [child, server]
        child.set_protocol(_Side(self, server))
        server.set_protocol(_Side(self, child))
        if not server.is_closing():
            server.resume_reading()
        if arrived and not child.is_closing():
            child.write(arrived)
        if child.is_closing() or server.is_closing():
            self.end()

    def end(self) -> None:
        """Ends both sides, after what was written."""
        for side in self._sides:
            side.close()
        if not self.ended.done():
            self.ended.set_result(None)

    def abort(self) -> None:
        """Breaks both sides at once."""
        for side in self._sides:
            side.abort()


class _Side(asyncio.Protocol):
    """Sends what arrives on one side to the other one."""

    def __init__(self, tunnel: Tunnel, other: asyncio.Transport) -> None:
        self._tunnel = tunnel
        self._other = other

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
        self._tunnel.end()
