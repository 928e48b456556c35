"""What all maskers speak of: changes to a tree of mappings, lists and scalars, and the mark that replaces a value."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from shared.documents import Value

MARK = re.compile(r"\[masked(, \d+ bytes)?\]")
Container = dict[str, Value] | list[Value]


class MaskingError(Exception):
    """Why the output cannot be masked, in words that repeat nothing of it."""


class Change(NamedTuple):
    """The scalar at `container[key]` is to read `text`."""

    container: Container
    key: str | int
    text: str

    @property
    def before(self) -> Value:
        return item(self.container, self.key)

    def make(self) -> None:
        if isinstance(self.container, dict):
            self.container[str(self.key)] = self.text
        else:
            self.container[int(self.key)] = self.text


@dataclass(frozen=True, slots=True)
class Masked:
    """A text as it may be seen, and how many values are masked in it."""

    text: str
    count: int

    @classmethod
    def joined(cls, parts: Iterable["Masked"]) -> "Masked":
        each = list(parts)
        return cls("".join(part.text for part in each), sum(part.count for part in each))


Find = Callable[[Value], Iterator[Change]]
"""The changes that a document needs."""
Accepts = Callable[[Value], bool]
"""Whether a document is what it should be."""


def item(container: Container, key: str | int) -> Value:
    """What stands there."""
    if isinstance(container, dict):
        return container[str(key)]
    return container[int(key)]


def children(value: Value) -> Iterator[tuple[Container, str | int, Value]]:
    """What stands directly below, each with its place; nothing below a scalar."""
    if isinstance(value, dict):
        yield from ((value, key, child) for key, child in value.items())
    elif isinstance(value, list):
        yield from ((value, place, child) for place, child in enumerate(value))


def leaves(container: Container, key: str | int) -> Iterator[tuple[Container, str | int, Value]]:
    """Each scalar at that place or below it."""
    waiting: list[tuple[Container, str | int, Value]] = [(container, key, item(container, key))]
    while waiting:
        place = waiting.pop()
        if isinstance(place[2], dict | list):
            waiting.extend(children(place[2]))
        else:
            yield place


def mark(value: Value, *, is_base64: bool = False) -> str:
    """`[masked, 12 bytes]`: of base64, the bytes that it stands for. What is masked already stays as it is."""
    text = value if isinstance(value, str) else str(value)
    if MARK.fullmatch(text):
        return text
    return f"[masked, {_decoded_bytes(text) if is_base64 else len(text.encode('utf-8', 'replace'))} bytes]"


def _decoded_bytes(text: str) -> int:
    try:
        return len(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        return len(text.encode("utf-8", "replace"))
