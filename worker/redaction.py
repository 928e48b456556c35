"""Takes a secret out of a command's output as it comes, also where it lies across two chunks."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.events import EventKind
from worker.execution import Sink

MASK = b"[redacted]"


@contextmanager
def redacted(sink: Sink, secret: str) -> Iterator[Sink]:
    """A sink that passes output on without the secret; at the end of the block also what was held back."""
    output = _Redacted(sink, secret)
    try:
        yield output.add
    finally:
        output.end()


class _Redacted:
    def __init__(self, sink: Sink, secret: str) -> None:
        self._sink = sink
        self._secret = secret.encode()
        self._held: dict[EventKind, bytes] = {}

    def add(self, kind: EventKind, data: bytes) -> None:
        """Holds back an end that may be the beginning of the secret."""
        data = (self._held.pop(kind, b"") + data).replace(self._secret, MASK)
        kept = self._beginning_at_end(data)
        if kept:
            self._held[kind] = data[-kept:]
            data = data[:-kept]
        if data:
            self._sink(kind, data)

    def end(self) -> None:
        for kind, data in self._held.items():
            self._sink(kind, data)
        self._held.clear()

    def _beginning_at_end(self, data: bytes) -> int:
        """How many of the last bytes begin the secret."""
        longest = min(len(self._secret) - 1, len(data))
        return next((length for length in range(longest, 0, -1) if data.endswith(self._secret[:length])), 0)
