"""What a flag makes of the text that it is given, by its type: pflag's own types, and helm's `--set` family.

https://pkg.go.dev/github.com/spf13/pflag. Each value is decoded for itself: where a flag is repeated, lists, arrays and
assignments add up, a map takes the last of a key, and of everything else the last one counts.
"""

from collections.abc import Callable, Mapping

from shared.command.values import csv_line, scalars, set_language
from shared.command.values.set_language import Assignment
from shared.command.values.types import DecodeError, ValueType

Value = bool | int | str | tuple[str, ...] | Mapping[str, str] | tuple[Assignment, ...]
"""A duration is a `scalars.Duration`."""


def decode(value_type: ValueType, text: str) -> Value:
    """What the CLI takes the text for. Raises DecodeError where it would take it for nothing."""
    return _DECODERS[value_type](text)


def mapping(text: str) -> Mapping[str, str]:
    """`key=value`, whose outer quotes go; with more than one `=` a line of CSV of such pairs. Raises DecodeError."""
    pairs = (text.strip('"'),) if text.count("=") == 1 else csv_line.fields(text)
    if not pairs or any("=" not in pair for pair in pairs):
        raise DecodeError("it is not `key=value`, or several of these with commas between")
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
