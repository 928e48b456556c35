"""Checks whether a label selector is valid, as `labels.Parse` of k8s.io/apimachinery 1.37 does.

The API server ignores what else the options of a list select if their label selector is not valid.
"""

import re
from collections.abc import Iterator

_TOKEN = re.compile(r"[ \t\r\n]*(==|!=|[=!(),<>]|[^=!(),<> \t\r\n]+)")
_BLANK = " \t\r\n"
_KINDS = {"in": "I", "notin": "N", "==": "=", "!=": "=", "=": "=", ">": ">", "<": ">", "!": "!", "(": "(", ")": ")"}
_COMMA = ","
_WORD = "w"
# Each token is one letter, so that an index in the text of letters is the index of the token. Where a key or a value
# is expected, `in` and `notin` are words like any other.
_REQUIREMENT = re.compile(
    r"(?:!(?P<absent>[wIN])|(?P<key>[wIN])(?:(?P<operator>[=>])(?P<value>[wIN]?)|[IN]\((?P<values>[wIN,]*)\))?)(?:,|\Z)"
)
_NEIGHBOURS = re.compile(r"[wIN]{2}")
_LABEL = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_DNS_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_KEY = re.compile(rf"(?:(?P<prefix>{_DNS_LABEL}(?:\.{_DNS_LABEL})*)/)?{_LABEL}")
_VALUE = re.compile(rf"(?:{_LABEL})?")
_LONGEST_PREFIX = 253
_LONGEST_KEY = _LONGEST_PREFIX + 64
"""The prefix, a slash and a name of 63 characters."""
_LARGEST = 2**63 - 1


class InvalidError(Exception):
    """The API server cannot read the selector."""


def check(selector: str) -> None:
    """Raises `InvalidError` unless the selector is valid."""
    tokens = list(_tokens(selector))
    kinds = "".join(_COMMA if token == _COMMA else _KINDS.get(token, _WORD) for token in tokens)
    if kinds.endswith(_COMMA):
        raise InvalidError
    position = 0
    while position < len(kinds):
        requirement = _REQUIREMENT.match(kinds, position)
        if requirement is None:
            raise InvalidError
        _check(requirement, tokens)
        position = requirement.end()


def _tokens(selector: str) -> Iterator[str]:
    text = selector.rstrip(_BLANK)
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or "\0" in match[1]:
            raise InvalidError
        yield match[1]
        position = match.end()


def _check(requirement: re.Match[str], tokens: list[str]) -> None:
    """Raises `InvalidError` unless the key and the values of a requirement are valid."""
    word = tokens[max(requirement.start("absent"), requirement.start("key"))]
    key = _KEY.fullmatch(word) if len(word) <= _LONGEST_KEY else None
    if key is None or len(key["prefix"] or "") > _LONGEST_PREFIX or _NEIGHBOURS.search(requirement["values"] or ""):
        raise InvalidError
    values = [tokens[index] for group in ("value", "values") for index in range(*requirement.span(group))]
    if not all(_VALUE.fullmatch(value) for value in values if value != _COMMA):
        raise InvalidError
    if requirement["operator"] == ">" and not (values and values[0].isdigit() and int(values[0]) <= _LARGEST):
        raise InvalidError
