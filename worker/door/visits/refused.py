"""Counts the refused requests of a visit: some CLIs repeat a request for ever, however it is answered."""

import hashlib
import time
from collections.abc import Callable

from worker.door.http.child_connection import Request

MOST = 2
"""Most refusals of the same request after which it may still be sent."""
READ_REPEATED_AFTER_S = 5.0
"""Seconds after which a read that is sent again counts as repeated: `describe` asks for one object several times."""
MOST_KNOWN = 1_024
"""Most different requests that are counted; the oldest ones are forgotten first."""


class RefusedRequests:
    """The refused requests of one visit."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[bytes, tuple[int, float]] = {}
        """Number of refusals, and when the first one was."""

    def is_repeated(self, request: Request, *, is_change: bool) -> bool:
        """Counts a refusal. Returns whether the same request has been refused too often."""
        written = f"{request.head.method} {request.head.target.written}\n".encode()
        digest = hashlib.sha256(written + request.body).digest()
        count, first_at = self._counts.pop(digest, (0, self._clock()))
        self._counts[digest] = (count + 1, first_at)
        if len(self._counts) > MOST_KNOWN:
            del self._counts[next(iter(self._counts))]
        return count >= MOST and (is_change or self._clock() - first_at >= READ_REPEATED_AFTER_S)
