"""The worker's end of the channel to the launcher, in the event loop. It keeps the order of packets."""

import asyncio
from collections import deque
from collections.abc import Callable

from worker.launcher.channel import Channel


class Link:
    """Sends packets without blocking: at once if the socket accepts them, otherwise later and in order.

    `on_packet` takes ownership of a packet's descriptors. `on_end` is called once, after the launcher's end or `close`.
    """

    def __init__(
        self, channel: Channel, *, on_packet: Callable[[bytes, list[int]], None], on_end: Callable[[], None]
    ) -> None:
        channel.set_blocking(False)
        self._channel = channel
        self._on_packet = on_packet
        self._on_end = on_end
        self._unsent: deque[bytes] = deque()
        self._is_open = True
        self._loop = asyncio.get_running_loop()
        self._descriptor = channel.fileno()
        self._loop.add_reader(self._descriptor, self._receive)

    def send(self, packet: bytes) -> None:
        """Sends a packet. Does nothing after the launcher has ended, because `on_end` reports that."""
        if not self._is_open:
            return
        self._unsent.append(packet)
        if len(self._unsent) == 1:
            self._flush()

    def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        self._channel.close()
        self._unsent.clear()
        self._on_end()

    def _flush(self) -> None:
        try:
            while self._unsent:
                self._channel.send(self._unsent[0])
                self._unsent.popleft()
        except BlockingIOError:
            self._loop.add_writer(self._descriptor, self._flush)
        except OSError:
            self.close()
        else:
            self._loop.remove_writer(self._descriptor)

    def _receive(self) -> None:
        while self._is_open:
            try:
                packet, descriptors = self._channel.receive()
            except BlockingIOError:
                return
            except OSError:
                packet, descriptors = b"", []
            if not packet:
                self.close()
                return
            self._on_packet(packet, descriptors)
