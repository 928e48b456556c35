"""Masks Secrets in error messages: if a patch does not fit, the API server quotes the whole Secret.

Programs quote each other's messages and add a level of backslashes each time. A quotation ends at a quote with as many
backslashes before it as the opening quote has.
"""

import re
from collections.abc import Callable

from worker.output.masking.secret_objects import KIND
from worker.output.masking.tree import Masked, mark

MAX_LINE_BYTES = 4 * 1024 * 1024
"""Longest line in bytes: a Secret has at most 1 MiB, and each level of quoting may double a character."""
TOO_LONG = b"[masked: this line is too long]"
_VALUE = re.compile(
    r"(?P<before>Invalid value: )(?:(?P<quote>\\*\")(?P<value>.*?)(?<!\\)(?P=quote)|(?P<rest>[^\s\d-].*))"
)
"""A quoted value, or an unquoted one up to the end of the line. Numbers are left out; Secrets have no numbers."""


class MessageMask:
    """Masks one stream. After the word Secret has appeared, all later lines may be about a Secret."""

    def __init__(self, *, is_about_secrets: bool = False) -> None:
        self._is_about_secrets = is_about_secrets

    def line(self, text: str) -> Masked:
        """Returns the masked line."""
        self._is_about_secrets |= KIND in text
        return Masked(*_VALUE.subn(_marked, text)) if self._is_about_secrets else Masked(text, 0)


def mask(text: str) -> Masked:
    """Masks a complete text. Never fails."""
    start = text.find(KIND)
    if start < 0:
        return Masked(text, 0)
    start = text.rfind("\n", 0, start) + 1
    masked, count = _VALUE.subn(_marked, text[start:])
    return Masked(text[:start] + masked, count)


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


def _marked(found: re.Match[str]) -> str:
    if found["quote"] is None:
        return found["before"] + mark(found["rest"])
    return f"{found['before']}{found['quote']}{mark(found['value'])}{found['quote']}"
