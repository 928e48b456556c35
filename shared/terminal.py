"""Takes out of a text what drives a terminal: colours, cursor moves, titles. Whatever else a command prints is data.

Sequences: ECMA-48, and xterm's for those that carry text. One that is not ended ends with its line.
"""

import re

LONGEST_BEGINNING = 256
"""Bytes of a sequence that is not ended yet; what is longer is passed on as it is."""

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours and cursor moves
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # strings, such as a window's title
    r"|\x1b[ -/]*[0-~]?"  # two characters, and designations of character sets
    r"|[\x80-\x9f]"  # what is left of C1
)
_BEGINNING = re.compile(
    rb"(?:(?:\x1b\[|\xc2\x9b)[0-?]*[ -/]*"
    rb"|(?:\x1b[\]PX^_]|\xc2[\x90\x98\x9d-\x9f])(?:(?!\xc2\x9c)[^\x07\x1b\n])*"
    rb"|\x1b[ -/]*)\Z"
)
"""The same in UTF-8, up to where the data ends."""


def complete_length(data: bytes) -> int:
    """How much of it ends outside of a sequence: all but a beginning of one that more bytes may complete."""
    beginning = _BEGINNING.search(data, max(0, len(data) - LONGEST_BEGINNING))
    return beginning.start() if beginning else len(data)


def plain(text: str) -> str:
    """The text as it would be read."""
    return _SEQUENCE.sub("", text)
