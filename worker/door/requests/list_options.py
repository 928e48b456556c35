"""Decodes the options of a list that decide what the request is: whether it is a watch, and the name that it selects.

Source: `RequestInfoFactory` of k8s.io/apiserver and the packages `fields` and `labels` of k8s.io/apimachinery, 1.37.
Options that cannot be decoded select no name there, so they select none here.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from worker.door.requests import label_selector

_NAME = "metadata.name"
_INTEGERS = ("timeoutSeconds", "limit")
_INTEGER = re.compile(r"(?P<sign>[+-]?)0*(?P<digits>[0-9]+)")
_LARGEST = 2**63 - 1
_MOST_DIGITS = len(str(_LARGEST))
_FALSE = frozenset({"false", "0"})
_TERM = re.compile(r"((?:[^\\,]|\\.)*\\?)(,|\Z)", re.DOTALL)
_OPERATOR = re.compile(r"!=|==|=")
_UNESCAPED = re.compile(r"(?:[^\\,=]|\\[\\,=])*", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class _InvalidError(Exception):
    """The API server cannot decode the options."""


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What the options of a list decide. `name` is empty unless they select one object by its name."""

    is_watch: bool
    name: str


def decode(query: Sequence[tuple[str, str]]) -> ListOptions:
    """Returns the options in a decoded query. The first value of a name counts."""
    first = dict(reversed(query))
    fold = str.casefold
    try:
        _check_integers(first)
        label_selector.check(first.get("labelSelector", ""))
        name = _selected_name(first.get("fieldSelector", ""))
    except (_InvalidError, label_selector.InvalidError):
        name, fold = "", str.lower
    is_watch = fold(first.get("watch", "0")) not in _FALSE
    is_segment = name not in {".", ".."} and "/" not in name and "%" not in name
    return ListOptions(is_watch, name if is_segment else "")


def _check_integers(options: dict[str, str]) -> None:
    for name in _INTEGERS:
        match = _INTEGER.fullmatch(options.get(name, "0"))
        if match is None or len(match["digits"]) > _MOST_DIGITS:
            raise _InvalidError
        if not -_LARGEST - 1 <= int(match["sign"] + match["digits"]) <= _LARGEST:
            raise _InvalidError


def _selected_name(selector: str) -> str:
    """Returns the value that a field selector asks of `metadata.name`; empty if it asks for none."""
    pairs = [_term(term) for term in sorted(_terms(selector)) if term]
    return next((value for field, operator, value in pairs if field == _NAME and operator != "!="), "")


def _terms(selector: str) -> Iterator[str]:
    """Splits at each comma that no backslash escapes."""
    for match in _TERM.finditer(selector):
        yield match[1]
        if not match[2]:
            return


def _term(term: str) -> tuple[str, str, str]:
    """Returns field, operator and value."""
    operator = _OPERATOR.search(term)
    if operator is None:
        raise _InvalidError
    value = term[operator.end() :]
    if not _UNESCAPED.fullmatch(value):
        raise _InvalidError
    return term[: operator.start()], operator[0], _ESCAPE.sub(r"\1", value)
