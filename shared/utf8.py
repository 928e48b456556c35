"""Finds where UTF-8 data can be split between characters."""

import codecs

LONGEST_BEGINNING = 3
"""Longest incomplete character in bytes: one of four bytes without its last byte."""


def complete_length(data: bytes) -> int:
    """Returns the length without an incomplete character at the end. Bytes that are not valid UTF-8 are complete."""
    end = data[-LONGEST_BEGINNING:]
    _, decoded = codecs.utf_8_decode(end, "replace", False)
    return len(data) - len(end) + decoded
