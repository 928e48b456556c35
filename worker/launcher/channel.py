"""One end of a socket pair that preserves packet boundaries and carries descriptors.

On Linux this is SOCK_SEQPACKET, which also signals that the other end was closed. Other systems (macOS) use datagrams,
which have no end of file. There, a process that waits checks every `PARENT_POLL_S` seconds whether its parent lives.
"""

import array
import contextlib
import errno
import mmap
import os
import socket
import sys
from collections.abc import Iterable, Sequence

from worker.launcher.protocol import ProtocolError

BUFFER_BYTES = 1024 * 1024
"""Requested buffer size; without privileges Linux grants at most twice `net.core.wmem_max` (416 KiB by default)."""

SHORT_PACKET_BYTES = 4096

MAX_DESCRIPTORS = 253
"""The kernel's SCM_MAX_FD. sendmsg refuses a longer list."""

HAS_END_OF_FILE = sys.platform == "linux"
PARENT_POLL_S: float | None = None if HAS_END_OF_FILE else 1.0

_SOCKET_TYPE = socket.SOCK_SEQPACKET if HAS_END_OF_FILE else socket.SOCK_DGRAM
_CLOSE_ON_EXEC: int = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
_DESCRIPTOR = array.array("i")

# One buffer for the process, which receives in one thread: an allocation for each packet costs 20 microseconds. It is
# private memory that takes no page before it is used, because every fork copies the launcher's pages.
_received = memoryview(mmap.mmap(-1, BUFFER_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))


class MessageTooLargeError(OSError):
    """The packet does not fit into the socket's buffer, or it carries too many descriptors."""

    def __init__(self, text: str) -> None:
        super().__init__(errno.EMSGSIZE, text)


class Channel:
    """Sends and receives whole packets. It blocks if the socket does."""

    def __init__(self, sock: socket.socket) -> None:
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
        self._socket = sock

    @classmethod
    def from_descriptor(cls, descriptor: int) -> "Channel":
        return cls(socket.socket(socket.AF_UNIX, _SOCKET_TYPE, fileno=descriptor))

    def fileno(self) -> int:
        return self._socket.fileno()

    def set_blocking(self, is_blocking: bool) -> None:
        self._socket.setblocking(is_blocking)

    def send(self, packet: bytes, descriptors: Sequence[int] = ()) -> None:
        """Raises MessageTooLargeError, BlockingIOError, or another OSError if the other end was closed."""
        numbers = array.array("i", descriptors) if descriptors else ()
        if len(numbers) > MAX_DESCRIPTORS:
            raise MessageTooLargeError(f"{len(numbers)} descriptors: the kernel passes at most {MAX_DESCRIPTORS}")
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)] if numbers else ()
        try:
            self._socket.sendmsg([packet], rights)
        except OSError as error:
            raise _explained(error, len(packet)) from error

    def receive(self) -> tuple[bytes, list[int]]:
        """Returns an empty packet at the end. Received descriptors are close-on-exec and belong to the caller."""
        room = socket.CMSG_SPACE(MAX_DESCRIPTORS * _DESCRIPTOR.itemsize)
        size_bytes, ancillary, flags, _ = self._socket.recvmsg_into([_received], room, _CLOSE_ON_EXEC)
        descriptors = _descriptors(ancillary)
        if flags & socket.MSG_TRUNC:
            close_all(descriptors)
            raise ProtocolError("a packet longer than its buffer")
        packet = bytes(_received[:size_bytes])
        _received[:size_bytes] = bytes(size_bytes)  # environments hold credentials
        return packet, descriptors

    def receive_now(self) -> bytes:
        """Returns a short packet that has already arrived, or an empty one if there is none."""
        try:
            return self._socket.recv(SHORT_PACKET_BYTES, socket.MSG_DONTWAIT)
        except OSError:
            return b""

    def detach(self) -> int:
        """Returns the descriptor, which now belongs to the caller."""
        return self._socket.detach()

    def close(self) -> None:
        self._socket.close()


def channel_pair() -> tuple[Channel, Channel]:
    """Returns both ends, which are close-on-exec and blocking."""
    first, second = socket.socketpair(socket.AF_UNIX, _SOCKET_TYPE)
    return Channel(first), Channel(second)


def close_all(descriptors: Iterable[int]) -> None:
    """Closes each descriptor once, even if stages share it. A descriptor that is already closed is not an error."""
    for descriptor in set(descriptors):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    numbers = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
    return numbers.tolist()


def _explained(error: OSError, size_bytes: int) -> OSError:
    if error.errno == errno.EMSGSIZE:
        return MessageTooLargeError(f"a packet of {size_bytes} bytes does not fit into the socket buffer")
    if error.errno == errno.ENOBUFS:
        return BlockingIOError(error.errno, "the socket buffer is full")
    return error
