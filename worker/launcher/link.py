"""One end of a channel to another process, in the event loop. It keeps the order of packets."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from worker.launcher.channel import Channel, close_all
from worker.launcher.protocol import ProtocolError

PACKETS_AT_ONCE = 64
"""Most packets that are taken before other work of the process has its turn. The other end may send without pause."""


class Link:
    """Sends packets without blocking: at once if the socket accepts them, otherwise later and in order.

    `on_packet` takes ownership of a packet's descriptors. `on_end` is called once, after the other end was closed or
    after `close`.
    """

    def __init__(
        self, channel: Channel, *, on_packet: Callable[[bytes, list[int]], None], on_end: Callable[[], None]
    ) -> None:
        channel.set_blocking(False)
        self._channel = channel
        self._on_packet = on_packet
        self._on_end = on_end
        self._unsent: deque[tuple[bytes, Sequence[int]]] = deque()
        self._is_open = True
        self._loop = asyncio.get_running_loop()
        self._descriptor = channel.fileno()
        self._loop.add_reader(self._descriptor, self._receive)

    def send(self, packet: bytes, descriptors: Sequence[int] = ()) -> None:
        """Sends a packet, and closes its descriptors then. After the other end has closed, it sends nothing."""
        if not self._is_open:
            close_all(descriptors)
            return
        self._unsent.append((packet, descriptors))
        if len(self._unsent) == 1:
            self._flush()

    @property
    def unsent(self) -> int:
        """Number of packets that the other end has left no room for."""
        return len(self._unsent)

    def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        self._channel.close()
        for _, descriptors in self._unsent:
            close_all(descriptors)
        self._unsent.clear()
        self._on_end()

    def _flush(self) -> None:
        try:
            while self._unsent:
                self._channel.send(*self._unsent[0])
                close_all(self._unsent.popleft()[1])
        except BlockingIOError:
            self._loop.add_writer(self._descriptor, self._flush)
        except OSError:
            self.close()
        else:
            self._loop.remove_writer(self._descriptor)

    def _receive(self) -> None:
        for _ in range(PACKETS_AT_ONCE):
            if not self._is_open:
                return
            try:
                packet, descriptors = self._channel.receive()
            except BlockingIOError:
                return
            except (OSError, ProtocolError):
                packet, descriptors = b"", []
            if not packet:
                self.close()
                return
            self._on_packet(packet, descriptors)
