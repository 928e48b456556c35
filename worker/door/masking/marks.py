"""The mark that replaces a value, and how it is recognised."""

import base64
import binascii
import re

from shared.documents import Value

MARK = re.compile(r"\[masked(, \d+ bytes)?\]")
_START = b"[masked, "
_STARTS = (
    _START,
    base64.b64encode(_START),
    base64.b64encode(b" " + _START)[2:13],
    base64.b64encode(b"  " + _START)[3:14],
)
"""As it is, and what of it is the same in base64 whatever is around it, after each number of bytes."""


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
    """Whether a text contains a mark, as it is or anywhere in base64."""
    return any(start in text for start in _STARTS)


def _sized(value: bytes) -> bytes:
    return b"[masked, %d bytes]" % len(value)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return text.encode("utf-8", "replace")
