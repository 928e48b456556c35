"""Reads a line of CSV as pflag's lists do: as the first record that Go's encoding/csv reads with its defaults.

https://pkg.go.dev/encoding/csv#Reader: no lazy quotes, spaces belong to their field, leading empty lines are skipped.
"""

import re

from shared.command.values.types import DecodeError

_FIELD = re.compile(r'(?:"([^"]*+(?:""[^"]*+)*+)"|([^",\n]*+))(,|\n|\Z)')


def fields(text: str) -> tuple[str, ...]:
    """Returns the fields of the first line, or none for an empty text. Other lines are ignored. Raises DecodeError."""
    if not text:
        return ()
    record = text.replace("\r\n", "\n").removesuffix("\r").lstrip("\n")
    if not record:
        raise DecodeError("it contains only line breaks")
    found: list[str] = []
    position, stop = 0, ","
    while stop == ",":
        match = _FIELD.match(record, position)
        if match is None:
            raise DecodeError('it has a quote (") inside a field, or a quoted field without a closing quote')
        quoted, plain, stop = match.groups()
        found.append(plain if quoted is None else quoted.replace('""', '"'))
        position = match.end()
    return tuple(found)
