"""Decodes the text of a flag's value by the flag's type: pflag's own types, and helm's `--set` family.

https://pkg.go.dev/github.com/spf13/pflag. Each value is decoded separately. If a flag is repeated, lists, arrays and
assignments are joined, a map keeps the last value of each key, and for other types the last value counts.
"""

from collections.abc import Callable, Mapping

from shared.command.values import csv_line, scalars, set_language
from shared.command.values.set_language import Assignment
from shared.command.values.types import DecodeError, ValueType

Value = bool | int | str | tuple[str, ...] | Mapping[str, str] | tuple[Assignment, ...]
"""A decoded value. A duration is a `scalars.Duration`."""


def decode(value_type: ValueType, text: str) -> Value:
    """Decodes a text as the CLI does. Raises DecodeError if the CLI does not accept it."""
    return _DECODERS[value_type](text)


def mapping(text: str) -> Mapping[str, str]:
    """Decodes `key=value` without outer quotes; with more than one `=`, a line of CSV of pairs. Raises DecodeError."""
    pairs = (text.strip('"'),) if text.count("=") == 1 else csv_line.fields(text)
    if not pairs or any("=" not in pair for pair in pairs):
        raise DecodeError("it is not `key=value`, or several of these separated by commas")
    return {key: value for key, _, value in (pair.partition("=") for pair in pairs)}


_DECODERS: Mapping[ValueType, Callable[[str], Value]] = {
    ValueType.BOOL: scalars.boolean,
    ValueType.INT: scalars.integer,
    ValueType.DURATION: scalars.duration,
    ValueType.STRING: str,
    ValueType.LIST: csv_line.fields,
    ValueType.ARRAY: lambda text: (text,),
    ValueType.MAP: mapping,
    ValueType.SET: set_language.plain,
    ValueType.SET_STRING: set_language.strings,
    ValueType.SET_JSON: set_language.documents,
    ValueType.SET_FILE: set_language.files,
    ValueType.SET_LITERAL: set_language.literals,
}
