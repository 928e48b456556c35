"""Where a piece of UTF-8 may be cut."""

import codecs

LONGEST_BEGINNING = 3
"""Bytes of a character of four, without its last."""


def complete_length(data: bytes) -> int:
    """How much of it ends with a whole character: all but a beginning of one that more bytes may complete.

    What is no UTF-8 is passed on as it is.
    """
    end = data[-LONGEST_BEGINNING:]
    _, decoded = codecs.utf_8_decode(end, "replace", False)
    return len(data) - len(end) + decoded
