"""Removes a request's own credentials from the output of its command, even if a credential is split across chunks.

Credentials shorter than `LEAST_BYTES` are not removed, because such short texts occur in ordinary output.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from shared import documents
from shared.events import EventKind
from shared.sealing.envelope import Command
from shared.tools.tool import Tool
from worker.output import replacing
from worker.output.replacing import Replaced
from worker.run.execution import Sink

MASK = b"[redacted]"
LEAST_BYTES = 8
_FRAME = "-----"
"""Start of the first and the last line of PEM (RFC 7468), which are not secret."""


def credentials_of(command: Command, tool: Tool) -> Iterator[str]:
    """Yields the command's credentials in each form in which a CLI may print them."""
    for variable, value in command.credentials.items():
        if variable != tool.server_variable:
            yield value
    if command.kubeconfig is None:
        return
    document: Any = documents.load(command.kubeconfig)
    for entry in document.get("users") or []:
        yield from _of_user(entry["user"])


def _of_user(user: Mapping[str, str]) -> Iterator[str]:
    name, password = user.get("username", ""), user.get("password", "")
    for secret in (user.get("token", ""), password):
        yield secret
        yield _base64(secret)
    if password:
        yield _base64(f"{name}:{password}")  # as HTTP's Basic scheme sends it
    key = user.get("client-key-data", "")
    yield "".join(key.split())
    yield from key.split()
    yield from (line.strip() for line in _decoded(key).splitlines() if not line.startswith(_FRAME))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode("ascii", "ignore")
    except (binascii.Error, ValueError):
        return ""


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
