"""The types of all maskers: changes to a tree of mappings, lists and scalars."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from shared.documents import Value

Container = dict[str, Value] | list[Value]


class MaskingError(Exception):
    """A text cannot be masked. The message gives the reason and repeats nothing of the text."""


class Change(NamedTuple):
    """Replaces the scalar at `container[key]` by `text`."""

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
    """A masked text, and the number of masked values in it."""

    text: str
    count: int

    @classmethod
    def joined(cls, parts: Iterable["Masked"]) -> "Masked":
        each = list(parts)
        return cls("".join(part.text for part in each), sum(part.count for part in each))


Find = Callable[[Value], Iterator[Change]]
"""A function that finds the changes that a document needs."""
Accepts = Callable[[Value], bool]
"""A function that says whether a document has the expected form."""


def item(container: Container, key: str | int) -> Value:
    """Returns the value at the key or index."""
    if isinstance(container, dict):
        return container[str(key)]
    return container[int(key)]


def children(value: Value) -> Iterator[tuple[Container, str | int, Value]]:
    """Yields the direct children with their places. A scalar has none."""
    if isinstance(value, dict):
        yield from ((value, key, child) for key, child in value.items())
    elif isinstance(value, list):
        yield from ((value, place, child) for place, child in enumerate(value))


def leaves(container: Container, key: str | int) -> Iterator[tuple[Container, str | int, Value]]:
    """Yields each scalar at the place or below it."""
    waiting: list[tuple[Container, str | int, Value]] = [(container, key, item(container, key))]
    while waiting:
        place = waiting.pop()
        if isinstance(place[2], dict | list):
            waiting.extend(children(place[2]))
        else:
            yield place
