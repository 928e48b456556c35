"""Decodes booleans, integers and durations as Go's standard library does."""

import re

from shared.command.values.types import DecodeError

BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}
"""Text → value: https://pkg.go.dev/strconv#ParseBool"""
INT_MAX = 2**63 - 1
INT_MIN = -(2**63)
DECIMAL_MAX_DIGITS = 19
_INTEGER = re.compile(
    r"([+-]?)(?:0[xX](?P<x16>(?:_?[0-9a-fA-F])+)|0[oO](?P<o8>(?:_?[0-7])+)|0[bB](?P<b2>(?:_?[01])+)"
    r"|0(?P<z8>(?:_?[0-7])*)|(?P<d10>[1-9](?:_?[0-9])*))",
    re.ASCII,
)
_PART = re.compile(r"(?P<whole>[0-9]*+)(?:\.(?P<fraction>[0-9]*+))?(?P<unit>[^.0-9]++)", re.ASCII)
_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}


class Duration(int):
    """A duration in nanoseconds."""


def boolean(text: str) -> bool:
    """Raises DecodeError."""
    if text not in BOOLEANS:
        raise DecodeError("it is neither `true` nor `false`")
    return BOOLEANS[text]


def integer(text: str) -> int:
    """Decodes an integer of 64 bits in any base of Go's literals (strconv.ParseInt with base 0). Raises DecodeError."""
    match = _INTEGER.fullmatch(text)
    if match is None:
        raise DecodeError("it is not a whole number")
    base, digits = next((name, text) for name, text in match.groupdict().items() if text is not None)
    plain = digits.replace("_", "")
    if base == "d10" and len(plain) > DECIMAL_MAX_DIGITS:
        raise DecodeError("it is out of range")
    number = int(f"{match[1]}{plain or '0'}", int(base[1:]))
    if not INT_MIN <= number <= INT_MAX:
        raise DecodeError("it is out of range")
    return number


def seconds(value: object) -> float | None:
    """Returns the seconds of a positive duration or number of seconds, and None for any other value."""
    if not isinstance(value, int) or value <= 0:
        return None
    return value / _UNITS_NS["s"] if isinstance(value, Duration) else float(value)


def duration(text: str) -> Duration:
    """Decodes `1h30m`, `1.5s`, `-2ms` (https://pkg.go.dev/time#ParseDuration). Raises DecodeError."""
    negative, rest = text.startswith("-"), text[text[:1] in ("-", "+") :]
    if rest == "0":
        return Duration(0)
    total_ns, position = 0, 0
    while position < len(rest) or not rest:
        match = _PART.match(rest, position)
        if match is None or match["unit"] not in _UNITS_NS or not (match["whole"] or match["fraction"]):
            raise DecodeError("it is not a duration such as `90s` or `1h30m`")
        total_ns += _part_ns(match["whole"], match["fraction"] or "", _UNITS_NS[match["unit"]])
        position = match.end()
        if total_ns > INT_MAX + negative:
            raise DecodeError("it is out of range")
    return Duration(-total_ns if negative else total_ns)


def _part_ns(whole: str, fraction: str, unit_ns: int) -> int:
    """Returns a part in nanoseconds. Go computes the fraction in floating point, with as many digits as fit 63 bits."""
    digits = whole.lstrip("0")
    if len(digits) > DECIMAL_MAX_DIGITS:
        raise DecodeError("it is out of range")
    counted, scale = 0, 1.0
    for digit in fraction:
        if counted > INT_MAX // 10 or counted * 10 + int(digit) > INT_MAX + 1:
            break
        counted = counted * 10 + int(digit)
        scale *= 10
    return int(digits or "0") * unit_ns + int(counted * (unit_ns / scale))
