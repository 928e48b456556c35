"""Removes the credentials that a command's process has from its output, even if one is split across chunks.

Those of a kubeconfig it does not have: the door adds them to its requests. Credentials shorter than `LEAST_BYTES` are
not removed, because such short texts occur in ordinary output.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from shared.events import EventKind
from shared.sealing.envelope import Command
from shared.tools.tool import Tool
from worker.output import replacing
from worker.output.replacing import Replaced
from worker.run.execution import Sink

MASK = b"[redacted]"
LEAST_BYTES = 8


def credentials_of(command: Command, tool: Tool) -> Iterator[str]:
    """Yields the credentials that the process has: those for the tool's own server."""
    for variable, value in command.credentials.items():
        if variable != tool.server_variable:
            yield value


class Redactor:
    """Removes the secrets of one request."""

    def __init__(self, secrets: Iterable[str]) -> None:
        encoded = (secret.encode() for secret in secrets)
        self._marks = dict.fromkeys((secret for secret in encoded if len(secret) >= LEAST_BYTES), MASK)

    def text(self, text: str) -> str:
        """Returns a complete text without the secrets."""
        return replacing.replaced(text.encode(), self._marks).decode("utf-8", "replace")

    @contextmanager
    def redacted(self, sink: Sink) -> Iterator[Sink]:
        """Yields a sink that passes output on without the secrets. The end of the block passes on the held output."""
        streams: dict[EventKind, Replaced] = {}

        def add(kind: EventKind, data: bytes) -> None:
            if kind not in streams:
                streams[kind] = Replaced(self._marks)
            if ready := streams[kind].add(data):
                sink(kind, ready)

        try:
            yield add
        finally:
            for kind, stream in streams.items():
                if last := stream.end():
                    sink(kind, last)

    def telling(self, tell: Callable[[str], None]) -> Callable[[str], None]:
        """Returns a `tell` that removes the secrets from whole lines."""
        return lambda line: tell(self.text(line))
