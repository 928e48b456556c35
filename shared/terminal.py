"""Takes out of a text what drives a terminal: colours, cursor moves, titles. Whatever else a command prints is data.

Sequences: ECMA-48, and xterm's for those that carry text. One that is not ended ends with its line.
"""

import re

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours and cursor moves
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # strings, such as a window's title
    r"|\x1b[ -/]*[0-~]?"  # two characters, and designations of character sets
    r"|[\x80-\x9f]"  # what is left of C1
)


def plain(text: str) -> str:
    """The text as it would be read."""
    return _SEQUENCE.sub("", text)
