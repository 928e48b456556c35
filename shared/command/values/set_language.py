"""Reads helm's `--set` family: keys with dots and indexes, lists in braces, commas between, and `\\` as an escape.

Source: helm.sh/helm/v4 pkg/strvals (parser.go, literal_parser.go) and pkg/cli/values/options.go. This module only
reads assignments; helm also merges them, and refuses contradictions. Nothing recurses, and the time is linear.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from json.scanner import make_scanner

from shared.command.values.scalars import INT_MAX, INT_MIN
from shared.command.values.types import DecodeError

MAX_INDEX = 65_536
MAX_DOTS = 30
Scalar = str | int | bool | None
_Value = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """The keys of `a.b[0]=x` are `a`, `b` and 0. A value of `--set-json` is JSON text; without keys, a JSON object.

    If the text ends before a `=`, helm looks the keys up and assigns nothing. The value is then an empty tuple.
    """

    keys: tuple[str | int, ...]
    value: _Value


def plain(text: str) -> tuple[Assignment, ...]:
    """Decodes `--set`. Raises DecodeError, as the functions below do."""
    return tuple(_assignments(text, _ESCAPED, lambda cursor: _value(cursor, _typed, "")))


def strings(text: str) -> tuple[Assignment, ...]:
    """Decodes `--set-string`."""
    return tuple(_assignments(text, _ESCAPED, lambda cursor: _value(cursor, str, "")))


def files(text: str) -> tuple[Assignment, ...]:
    """Decodes `--set-file`. The value is a file's name, or None if the text ends at a `=`: helm then reads no file."""
    return tuple(_assignments(text, _ESCAPED, lambda cursor: _value(cursor, str, None)))


def documents(text: str) -> tuple[Assignment, ...]:
    """Decodes `--set-json`. The values are JSON texts."""
    trimmed = text.strip(_SPACES)
    if trimmed.startswith("{"):
        if _json_end(_Cursor(trimmed)) != len(trimmed):
            raise DecodeError("it has text after the JSON object")
        return (Assignment((), trimmed),)
    return tuple(_assignments(text, _ESCAPED, _document))


def literals(text: str) -> tuple[Assignment, ...]:
    """Decodes `--set-literal`. The value is all text after the key."""
    return tuple(_assignments(text, _LITERAL, lambda cursor: cursor.until(_REST)[0]))


class _Run:
    r"""A run of characters up to one of the stops. Unless the run is literal, `\` escapes a stop."""

    def __init__(self, stops: str, *, is_literal: bool = False) -> None:
        kept = re.escape(stops) if is_literal else re.escape(stops) + r"\\"
        escapes = "" if is_literal else r"|\\."
        self.pattern = re.compile(rf"(?:[^{kept}]{escapes})*+" if kept else ".*+", re.DOTALL)
        self.is_literal = is_literal


@dataclass(frozen=True, slots=True)
class _Runs:
    """The runs of a key, of an index, and of the text after an index."""

    key: _Run
    index: _Run
    behind_index: _Run


_ESCAPED = _Runs(_Run("=[,."), _Run("]"), _Run("[.="))
_LITERAL = _Runs(*(_Run(stops, is_literal=True) for stops in ("=[.", "]", "[.=")))
_VALUE = _Run(",")
_REST = _Run("", is_literal=True)
_ITEM = _Run(",}")
_BRACE = re.compile(r"\{?")
_COMMA = re.compile(",?")
_NUMBER = re.compile(r"([+-])0*([0-9]{1,19})|[1-9][0-9]{0,18}")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_INDEX = re.compile(r"[+-]?0*(?P<digits>[0-9]+)")
_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""The spaces of https://pkg.go.dev/unicode#IsSpace, which are not those of Python."""
_BLANK = re.compile(f"[{_SPACES}]*+,?")
_CUT_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.(?![0-9])|(?:\.[0-9]++)?[eE](?![+-]?[0-9]))")


class _Cursor:
    """A position in the text, which only moves forward."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    @property
    def is_at_end(self) -> bool:
        return self.position >= len(self.text)

    def until(self, run: _Run) -> tuple[str, str]:
        """Passes a run and its stop. Returns the run without escapes, and the stop, which is empty at the end."""
        end = self.pass_by(run.pattern)
        stop = self.text[self.position : self.position + 1]
        self.position += 1
        # A `\` at the end escapes nothing, and helm treats it as the end.
        return (end if run.is_literal else _ESCAPE.sub(r"\1", end)), "" if stop == "\\" else stop

    def pass_by(self, pattern: re.Pattern[str]) -> str:
        """Passes the text that the pattern matches from here, and returns it."""
        match = pattern.match(self.text, self.position)
        found = match[0] if match else ""
        self.position += len(found)
        return found


def _assignments(text: str, runs: _Runs, value: Callable[[_Cursor], _Value]) -> Iterator[Assignment]:
    cursor = _Cursor(text)
    while not cursor.is_at_end:
        keys, stop = _keys(cursor, runs)
        yield Assignment(keys, value(cursor) if stop else ())


def _keys(cursor: _Cursor, runs: _Runs) -> tuple[tuple[str | int, ...], str]:
    """Returns the keys before a `=` or the end of the text, and the `=`, which is empty at the end."""
    keys: list[str | int] = []
    dots = 0
    stop = "."
    while stop not in ("=", ""):
        if stop == "[":
            stop = _index(cursor, runs, keys)
        else:
            name, stop = cursor.until(runs.key)
            keys.append(name)
            dots += stop == "."
            if stop == "," or (name and not stop):
                raise DecodeError("it has a key without a value")
        if dots > MAX_DOTS:
            raise DecodeError(f"it has more than {MAX_DOTS} dots in one key")
    return tuple(keys), stop


def _index(cursor: _Cursor, runs: _Runs, keys: list[str | int]) -> str:
    """Adds the index in the brackets to the keys. Returns the stop after it, which is empty at the end of the text."""
    text, stop = cursor.until(runs.index)
    if not stop:
        return ""
    match = _INDEX.fullmatch(text)
    index = int(match["digits"]) if match and len(match["digits"]) <= len(str(MAX_INDEX)) else MAX_INDEX + 1
    if index > MAX_INDEX or (index and text.startswith("-")):
        raise DecodeError(f"it has an index that is not a number from 0 to {MAX_INDEX}")
    keys.append(index)
    between, stop = cursor.until(runs.behind_index)
    if between:
        raise DecodeError("it has text between an index and the next `.`, `[` or `=`")
    return stop


def _value(cursor: _Cursor, read: Callable[[str], Scalar], missing: Scalar) -> _Value:
    """Reads a value up to the next comma, or a list in braces. Returns `missing` at the end of the text."""
    if cursor.is_at_end:
        return missing
    if not cursor.pass_by(_BRACE):
        return read(cursor.until(_VALUE)[0])
    items: list[Scalar] = []
    stop = ","
    while stop == ",":
        item, stop = cursor.until(_ITEM)
        items.append(read(item))
    if not stop:
        raise DecodeError("it has a list that does not end with `}`")
    cursor.pass_by(_COMMA)
    return tuple(items)


def _typed(text: str) -> Scalar:
    """Converts a text to its type. Numbers that begin with a zero stay text."""
    words: dict[str, Scalar] = {"true": True, "false": False, "null": None, "0": 0}
    folded = text.casefold()
    if folded in words:
        return words[folded]
    match = _NUMBER.fullmatch(text)
    number = int(f"{match[1]}{match[2]}" if match[1] else text) if match else INT_MAX + 1
    return number if INT_MIN <= number <= INT_MAX else text


def _document(cursor: _Cursor) -> str:
    """Reads a JSON value, with the blanks and the comma after it. An empty value is null."""
    blank = cursor.pass_by(_BLANK)
    if blank.endswith(",") or cursor.is_at_end:
        return "null"
    start = cursor.position
    cursor.position = end = _json_end(cursor)
    cursor.pass_by(_BLANK)
    return cursor.text[start:end]


def _json_end(cursor: _Cursor) -> int:
    """Returns the end of the JSON value that begins at the cursor."""
    if not _CUT_NUMBER.match(cursor.text, cursor.position):
        try:
            return int(_SCAN(cursor.text, cursor.position)[1])
        except (ValueError, StopIteration, RecursionError):
            pass
    raise DecodeError("it has a value that is not valid JSON")


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("out of range")
    return number


def _refuse(_: str) -> None:
    raise ValueError("JSON has no such constant")


_DECODER = json.JSONDecoder(parse_int=_number, parse_float=_number, parse_constant=_refuse)
_SCAN = make_scanner(_DECODER)  # type: ignore[arg-type]  # typeshed names another type
"""Reads the JSON value at a place of a text. Raises StopIteration if there is none."""
