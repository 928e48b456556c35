"""Takes out of a text what only a terminal understands: colours, cursor moves, titles, and other control characters.

Sequences: ECMA-48, and xterm's for those that carry text. One that is not ended ends with its line.
"""

import re

LONGEST_BEGINNING = 256
"""Bytes of a sequence that is not ended yet; what is longer is passed on as it is."""

_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]?"  # CSI: colours and cursor moves
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"  # OSC, DCS, SOS, PM, APC: strings such as a window's title
    r"|\x1b[ -/]*[0-~]?"  # two characters and designations of character sets
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"  # C0 but tab and line feed, delete, C1
)
_BEGINNING = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\n]*|[ -/]*)")


def complete_length(data: bytes) -> int:
    """How much of it ends outside of a sequence: all but a beginning of one that more bytes may complete."""
    start = data.rfind(b"\x1b", -LONGEST_BEGINNING)
    return start if start >= 0 and _BEGINNING.fullmatch(data, start) else len(data)


def plain(text: str) -> str:
    """The text as it would be read."""
    return _SEQUENCE.sub("", text)
