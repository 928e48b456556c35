"""Counts the refused requests of a visit: some CLIs repeat a request for ever, however it is answered."""

import hashlib

from worker.door.http.child_connection import Request

MOST = 2
"""Most refusals of the same request after which it may still be sent."""
MOST_KNOWN = 1_024
"""Most different requests that are counted; the oldest ones are forgotten first."""


class RefusedRequests:
    """The refused requests of one visit."""

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}

    def is_repeated(self, request: Request) -> bool:
        """Counts a refusal. Returns whether the same request has been refused too often."""
        written = f"{request.head.method} {request.head.target.written}\n".encode()
        digest = hashlib.sha256(written + request.body).digest()
        count = self._counts.pop(digest, 0) + 1
        self._counts[digest] = count
        if len(self._counts) > MOST_KNOWN:
            del self._counts[next(iter(self._counts))]
        return count > MOST
