"""Takes a request's own credentials out of what its command prints, as it comes, also where they lie across chunks.

Shorter ones than `LEAST_BYTES` stay: they would be found in every other line.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from shared import documents
from shared.envelope import RequestEnvelope
from shared.events import EventKind
from shared.tools.tool import Tool
from worker.execution import Sink

MASK = b"[redacted]"
LEAST_BYTES = 8
_FRAME = "-----"
"""Begins the first and the last line of PEM (RFC 7468), which are no secret."""

Span = tuple[int, int]


def credentials_of(envelope: RequestEnvelope, tool: Tool) -> Iterator[str]:
    """What the request may authenticate with, in each form in which a CLI holds it."""
    for variable, value in envelope.credentials.items():
        if variable != tool.server_variable:
            yield value
    if envelope.kubeconfig is None:
        return
    document: Any = documents.load(envelope.kubeconfig)
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
    """Knows the secrets of one request."""

    def __init__(self, secrets: Iterable[str]) -> None:
        encoded = {secret.encode() for secret in secrets}
        self._secrets = sorted(secret for secret in encoded if len(secret) >= LEAST_BYTES)

    def text(self, text: str) -> str:
        """A whole text without them."""
        data = text.encode()
        return _without(data, self._spans(data)).decode("utf-8", "replace")

    @contextmanager
    def redacted(self, sink: Sink) -> Iterator[Sink]:
        """A sink that passes output on without them; at the end of the block also what was held back."""
        held: dict[EventKind, bytes] = {}

        def add(kind: EventKind, data: bytes) -> None:
            ready, held[kind] = self._split(held.get(kind, b"") + data)
            if ready:
                sink(kind, ready)

        try:
            yield add
        finally:
            for kind, data in held.items():
                if data:
                    sink(kind, _without(data, self._spans(data)))

    def telling(self, tell: Callable[[str], None]) -> Callable[[str], None]:
        """For what is told in whole lines."""
        return lambda line: tell(self.text(line))

    def _split(self, data: bytes) -> tuple[bytes, bytes]:
        """What can be passed on, redacted, and the end that may be the beginning of a secret, or part of one."""
        spans = self._spans(data)
        kept_from = min((_beginning(data, secret) for secret in self._secrets), default=len(data))
        while spans and spans[-1][1] > kept_from:
            kept_from = min(kept_from, spans.pop()[0])
        return _without(data[:kept_from], spans), data[kept_from:]

    def _spans(self, data: bytes) -> list[Span]:
        """Where secrets lie, in order; those that overlap are one."""
        merged: list[Span] = []
        for start, end in sorted(span for secret in self._secrets for span in _occurrences(data, secret)):
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged


def _occurrences(data: bytes, secret: bytes) -> Iterator[Span]:
    start = data.find(secret)
    while start >= 0:
        yield start, start + len(secret)
        start = data.find(secret, start + 1)


def _beginning(data: bytes, secret: bytes) -> int:
    """Where the secret may begin that goes on in the next chunk; the end of the data if nowhere."""
    start = data.find(secret[:1], max(0, len(data) - len(secret) + 1))
    while start >= 0:
        if secret.startswith(data[start:]):
            return start
        start = data.find(secret[:1], start + 1)
    return len(data)


def _without(data: bytes, spans: list[Span]) -> bytes:
    pieces, at = [], 0
    for start, end in spans:
        pieces += [data[at:start], MASK]
        at = end
    return b"".join((*pieces, data[at:]))
