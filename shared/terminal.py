"""Removes terminal sequences from a text: colours, cursor moves, titles. Everything else is kept.

It knows the sequences of ECMA-48, and those of xterm that contain text. An unfinished sequence ends with its line.
"""

import re

LONGEST_BEGINNING = 256
"""Longest unfinished sequence in bytes that is held back. A longer one is passed on unchanged."""

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours and cursor moves
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # strings, such as a window's title
    r"|\x1b[ -/]*[0-~]?"  # two characters, and designations of character sets
    r"|[\x80-\x9f]"  # the other C1 characters
)
_BEGINNING = re.compile(
    rb"(?:(?:\x1b\[|\xc2\x9b)[0-?]*[ -/]*"
    rb"|(?:\x1b[\]PX^_]|\xc2[\x90\x98\x9d-\x9f])(?:(?!\xc2\x9c)[^\x07\x1b\n])*"
    rb"|\x1b[ -/]*)\Z"
)
"""An unfinished sequence in UTF-8 at the end of the data."""


def complete_length(data: bytes) -> int:
    """Returns the length of the data without an unfinished sequence at its end."""
    beginning = _BEGINNING.search(data, max(0, len(data) - LONGEST_BEGINNING))
    return beginning.start() if beginning else len(data)


def plain(text: str) -> str:
    """Returns the text without terminal sequences."""
    return _SEQUENCE.sub("", text)
