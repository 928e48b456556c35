"""Masks Secrets in the error messages that a tool prints, line by line."""

from collections.abc import Callable

from worker.door.masking.messages import quotations
from worker.door.masking.secret_objects import KIND
from worker.door.masking.tree import Masked

MAX_LINE_BYTES = 4 * 1024 * 1024
"""Longest line in bytes: a Secret has at most 1 MiB, and each level of quoting may double a character."""
TOO_LONG = b"[masked: this line is too long]"


class MessageMask:
    """Masks one stream. After the word Secret has appeared, all later lines may be about a Secret."""

    def __init__(self, *, is_about_secrets: bool = False) -> None:
        self._is_about_secrets = is_about_secrets

    def line(self, text: str) -> Masked:
        """Returns the masked line."""
        self._is_about_secrets |= KIND in text
        return quotations(text) if self._is_about_secrets else Masked(text, 0)


class MaskedLines:
    """Takes a tool's standard error and passes on masked, whole lines."""

    def __init__(self, sink: Callable[[bytes], None]) -> None:
        self._sink = sink
        self._messages = MessageMask()
        self._held = b""
        self._is_too_long = False

    def add(self, data: bytes) -> None:
        """Takes a chunk as the tool wrote it."""
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines:
            self._pass_on(line, b"\n")
            self._is_too_long = False
        if self._is_too_long or len(self._held) > MAX_LINE_BYTES:
            self._is_too_long, self._held = True, b""

    def end(self) -> None:
        """Passes on the last line if it has no end. It is masked in any case, because its subject may be cut off."""
        if self._held or self._is_too_long:
            self._messages = MessageMask(is_about_secrets=True)
            self._pass_on(self._held, b"")
            self._held = b""

    def _pass_on(self, line: bytes, end: bytes) -> None:
        masked = self._messages.line(line.decode("utf-8", "surrogateescape")).text
        self._sink((TOO_LONG if self._is_too_long else masked.encode("utf-8", "surrogateescape")) + end)
