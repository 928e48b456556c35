"""The mark that replaces a value, and how it is recognised."""

import base64
import binascii
import re

from shared.documents import Value

MARK = re.compile(r"\[masked(, \d+ bytes)?\]")
_START = b"[masked, "
_ENCODED_START = base64.b64encode(_START)
"""Nine bytes, so that every mark in base64 begins with it."""


def mark(value: Value, *, is_base64: bool = False) -> str:
    """Returns a mark such as `[masked, 12 bytes]`. A mark stays as it is.

    The mark of a value in base64 is in base64 too, and gives the size of the decoded value.
    """
    text = value if isinstance(value, str) else str(value)
    if is_base64:
        decoded = _decoded(text)
        return text if MARK.fullmatch(decoded.decode("latin-1")) else base64.b64encode(_sized(decoded)).decode()
    return text if MARK.fullmatch(text) else _sized(text.encode("utf-8", "replace")).decode()


def are_in(text: bytes) -> bool:
    """Whether a text contains a mark, as it is or in base64."""
    return _START in text or _ENCODED_START in text


def _sized(value: bytes) -> bytes:
    return b"[masked, %d bytes]" % len(value)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return text.encode("utf-8", "replace")
