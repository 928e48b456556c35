"""A line of CSV, as pflag's lists hold it: Go's encoding/csv with its defaults, of which pflag reads the first record.

https://pkg.go.dev/encoding/csv#Reader: no lazy quotes, spaces belong to their field, empty lines before it are skipped.
"""

import re

from shared.command.values.types import DecodeError

_FIELD = re.compile(r'(?:"([^"]*+(?:""[^"]*+)*+)"|([^",\n]*+))(,|\n|\Z)')


def fields(text: str) -> tuple[str, ...]:
    """The fields of the first line, none for an empty text. Lines behind it are ignored. Raises DecodeError."""
    if not text:
        return ()
    record = text.replace("\r\n", "\n").removesuffix("\r").lstrip("\n")
    if not record:
        raise DecodeError("it has nothing but line breaks")
    found: list[str] = []
    position, stop = 0, ","
    while stop == ",":
        match = _FIELD.match(record, position)
        if match is None:
            raise DecodeError('it has a quote (") inside a field, or a quoted field that does not end with one')
        quoted, plain, stop = match.groups()
        found.append(plain if quoted is None else quoted.replace('""', '"'))
        position = match.end()
    return tuple(found)
