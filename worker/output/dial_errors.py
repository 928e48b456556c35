"""Words a failed dial through the worker's proxy as if the tool had dialled itself.

The SOCKS client of Go's programs prints `socks connect tcp PROXY->HOST:PORT: unknown error REPLY`
(golang.org/x/net/internal/socks and its copy in net/http).
"""

import re

from worker.egress.socks import Reply
from worker.output.needle import Needle

REASONS = {
    b"general SOCKS server failure": (Reply.GENERAL_FAILURE, b"too many connections of one command"),
    b"connection not allowed by ruleset": (Reply.NOT_ALLOWED, b"not allowed by ruleset of this worker"),
    b"network unreachable": (Reply.NETWORK_UNREACHABLE, b"connect: network is unreachable"),
    b"host unreachable": (Reply.HOST_UNREACHABLE, b"no such host"),
    b"connection refused": (Reply.CONNECTION_REFUSED, b"connect: connection refused"),
    b"TTL expired": (Reply.TTL_EXPIRED, b"i/o timeout"),
}
"""What Go prints for a reply → the reply, and the reason for which the worker's proxy sends it."""
MOST_BYTES = 400
"""Bytes of the longest error that is reworded. A name has at most 255 bytes in SOCKS5 (RFC 1928, section 4)."""


class DialErrors:
    """One stream of output with its errors about the proxy at `place`, which is `host:port`.

    At most `MOST_BYTES` of a line that contains such an error are held back.
    """

    def __init__(self, place: str) -> None:
        self._start = f"socks connect tcp {place}-".encode()
        self._needle = Needle(self._start)
        replies = b"|".join(map(re.escape, REASONS))
        # A log in JSON has the `>` of the arrow escaped.
        self._error = re.compile(
            re.escape(self._start) + rb"(?:>|\\u003e)(\S{1,265}?:\d{1,5}): (?:unknown error (%s))?" % replies
        )
        self._held = b""

    def add(self, data: bytes) -> bytes:
        """Returns reworded output. An end of the data that may be part of an error is held back."""
        data = self._held + data
        kept_from = self._beginning(data)
        self._held = data[kept_from:]
        return self._reworded(data[:kept_from])

    def end(self) -> bytes:
        """Returns the held output, reworded."""
        held, self._held = self._held, b""
        return self._reworded(held)

    def _beginning(self, data: bytes) -> int:
        """Returns the position of an error that may continue after the data, or the length of the data."""
        last = data.rfind(self._start)
        if last >= 0 and len(data) - last < MOST_BYTES and data.find(b"\n", last) < 0:
            return last
        return self._needle.beginning(data)

    def _reworded(self, data: bytes) -> bytes:
        return self._error.sub(_as_own_dial, data)


def _as_own_dial(error: re.Match[bytes]) -> bytes:
    target, reply = error.groups()
    return b"dial tcp %s: %s" % (target, REASONS[reply][1] if reply else b"")
