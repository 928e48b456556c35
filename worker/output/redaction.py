"""Removes a request's own credentials from the output of its command, even if a credential is split across chunks.

Credentials shorter than `LEAST_BYTES` are not removed, because such short texts occur in ordinary output.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from shared import documents
from shared.events import EventKind
from shared.sealing.envelope import Command
from shared.tools.tool import Tool
from worker.output.needle import Needle, Span
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
        encoded = {secret.encode() for secret in secrets}
        self._secrets = [Needle(secret) for secret in sorted(encoded) if len(secret) >= LEAST_BYTES]

    def text(self, text: str) -> str:
        """Returns a complete text without the secrets."""
        stream = _Stream(self._secrets)
        return (stream.add(text.encode()) + stream.end()).decode("utf-8", "replace")

    @contextmanager
    def redacted(self, sink: Sink) -> Iterator[Sink]:
        """Yields a sink that passes output on without the secrets. The end of the block passes on the held output."""
        streams: dict[EventKind, _Stream] = {}

        def add(kind: EventKind, data: bytes) -> None:
            if kind not in streams:
                streams[kind] = _Stream(self._secrets)
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


class _Stream:
    """One stream of output. The bytes that it holds back are always fewer than the longest secret has."""

    def __init__(self, secrets: Sequence[Needle]) -> None:
        self._secrets = secrets
        self._held = b""
        self._covered = 0
        """Number of held bytes that belong to a secret whose mark was already passed on."""

    def add(self, data: bytes) -> bytes:
        """Returns redacted output. An end of the data that may begin a secret is held back."""
        data = self._held + data
        return self._pass_on(data, min((secret.beginning(data) for secret in self._secrets), default=len(data)))

    def end(self) -> bytes:
        """Returns the held output, redacted."""
        return self._pass_on(self._held, len(self._held))

    def _pass_on(self, data: bytes, kept_from: int) -> bytes:
        pieces, at = [], 0
        for start, end in self._spans(data):
            is_told = start == 0 and self._covered > 0
            if start >= kept_from and not is_told:
                break
            pieces += [data[at:start], b"" if is_told else MASK]
            at = end
        pieces.append(data[at:kept_from])
        self._held, self._covered = data[kept_from:], max(0, at - kept_from)
        return b"".join(pieces)

    def _spans(self, data: bytes) -> list[Span]:
        """Returns the spans of secrets in order. Overlapping secrets are one span."""
        covered = [(0, self._covered)] if self._covered else []
        merged: list[Span] = []
        for start, end in sorted([*covered, *(span for secret in self._secrets for span in secret.spans(data))]):
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged
