"""Values for flags, at random: what the types' readers treat in a way of their own stands in them again and again."""

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from shared.command.values.types import ValueType

CSV = ('"', '""', ",", '"a,b"', ' "', "\n", "\r\n", "\r", "a", "/etc/hosts", " ", "ü", "\\", "{", "}", "=", "")
SET = (
    *(",", "=", ".", "\\", "\\,", "\\=", "{", "}", "[0]", "[1]", "[2]", "[-1]", "[+1]", "[x]", "[", "]", "\n", " ", ""),
    *("a", "b", "é", "true", "NULL", "fal\u017fe", "0", "007", "-3", "+5", "9223372036854775807"),
    *("9223372036854775808", "/etc/shadow", "\\/etc/shadow", "http:\\/\\/host/x", '"', "{a,b}", "a=1", "[70000]=x"),
)
INTEGERS = (*"0179afxXoObB_+- ", "0x", "0b1", "0o7", "9223372036854775807", "9223372036854775808", "1_000", "")
UNITS = ("h", "m", "s", "ms", "us", "\u00b5s", "\u03bcs", "ns")
DURATIONS = (*"0123456789.+-", *UNITS, "1h", "2562047h", "0.3", ".5s", "d", " ", "")
BOOLEANS = ("true", "True", "TRUE", "t", "T", "1", "false", "False", "FALSE", "f", "F", "0", "yes", "tRUE", "", " true")
JSON_PARTS = (
    *('{"a": 1}', "[1, 2e3, -0.5]", '"x,y"', "null", "true", "nul", "1.", "1e", "-", "01", "1e999", "NaN", "[[[", "{"),
    *(
        '"\\u00e9"',
        '"\n"',
        "{}",
        "[]",
        " ",
        "\u00a0",
        "\x1c",
        ",",
        "a=",
        "b=",
        "a.b=",
        "a[0]=",
        "a[1].c=",
        "]",
        "}",
        "",
    ),
)
MAX_INTEGER_BITS = 66
MAX_PARTS = 8
FAR_INDEX = re.compile(r"\[\+?[0-9]{5,}\](?!=x)")


@dataclass(frozen=True, slots=True)
class Case:
    """A flag's type, and the values that it is given, one after the other."""

    type: ValueType
    values: tuple[str, ...]

    def __str__(self) -> str:
        return json.dumps({"type": self.type, "values": self.values})


def cases(count: int, source: random.Random) -> Iterator[Case]:
    """Cases with that many values together, as many of each type."""
    types = list(ValueType)
    while count > 0:
        for value_type in types:
            values = tuple(value(value_type, source) for _ in range(source.choice((1, 1, 2, 3))))
            count -= len(values)
            yield Case(value_type, values)


def value(value_type: ValueType, source: random.Random) -> str:
    """A value for a flag of that type."""
    return _MAKERS[value_type](source)


def _parts(*parts: str) -> Callable[[random.Random], str]:
    return lambda source: "".join(source.choices(parts, k=source.randint(0, MAX_PARTS)))


def _integer(source: random.Random) -> str:
    if source.random() < 1 / 3:
        return _parts(*INTEGERS)(source)
    number = source.getrandbits(source.randint(1, MAX_INTEGER_BITS))
    return source.choice(("", "-", "+")) + format(number, source.choice(("d", "#x", "#o", "#b", "_d", "#_X")))


def _duration(source: random.Random) -> str:
    if source.random() < 1 / 3:
        return _parts(*DURATIONS)(source)
    numbers = ("1", "30", "1.5", "0.1", ".25", "3.", "007", "0.000000000000000000000000123", "2562047.788015215")
    return source.choice(("", "-", "+")) + "".join(
        source.choice(numbers) + source.choice(UNITS) for _ in range(source.randint(1, 3))
    )


def _mapping(source: random.Random) -> str:
    well = ",".join(source.choices(("k=v", '"a=b,c"', "a=1=2", '"q""=x"', "ü=\\"), k=source.randint(1, 3)))
    return well if source.random() < 1 / 2 else _parts(*CSV, "k=v", "=")(source)


def _without_far_index(make: Callable[[random.Random], str]) -> Callable[[random.Random], str]:
    """helm minds an index that is too great only where something is assigned to it; ours minds it everywhere."""

    def made(source: random.Random) -> str:
        text = make(source)
        return made(source) if FAR_INDEX.search(text) else text

    return made


@_without_far_index
def _assignments(source: random.Random) -> str:
    """Mostly well-formed ones: of random parts alone, few would be."""
    if source.random() < 1 / 3:
        return _parts(*SET)(source)
    return ",".join(f"{_key(source)}={_assigned(source)}" for _ in range(source.randint(1, 3)))


def _key(source: random.Random) -> str:
    parts = (".a", ".b", "[0]", "[1]", "\\.x")
    return source.choice("abcdef") + "".join(source.choices(parts, k=source.choice((0, 1, 1, 2, 3))))


def _assigned(source: random.Random) -> str:
    if source.random() < 1 / 3:
        return _parts(*SET)(source)
    word = source.choice(SET)
    return word if source.random() < 1 / 2 else "{" + word + ",b\\,c}"


def _documents(source: random.Random) -> str:
    if source.random() < 1 / 3:
        return _parts(*JSON_PARTS)(source)
    if source.random() < 1 / 4:
        return source.choice(('{"a": {"b": [1]}}', ' {"c": null}\n', '{"a": 1} x', '{"é": "\\u00e9"}'))
    return ",".join(f"{_key(source)}={source.choice(JSON_PARTS)}" for _ in range(source.randint(1, 3)))


_MAKERS: Mapping[ValueType, Callable[[random.Random], str]] = {
    ValueType.BOOL: lambda source: source.choice(BOOLEANS),
    ValueType.INT: _integer,
    ValueType.DURATION: _duration,
    ValueType.STRING: _parts(*CSV, *SET),
    ValueType.LIST: _parts(*CSV),
    ValueType.ARRAY: _parts(*CSV, *SET),
    ValueType.MAP: _mapping,
    ValueType.SET: _assignments,
    ValueType.SET_STRING: _assignments,
    ValueType.SET_JSON: _documents,
    ValueType.SET_FILE: _assignments,
    ValueType.SET_LITERAL: _assignments,
}
