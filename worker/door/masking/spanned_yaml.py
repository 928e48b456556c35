"""Reads YAML into a tree whose scalars know their positions in the text.

The tree is built from the parser's events, within limits. Aliases, tags and merge keys are not resolved.
"""

from dataclasses import dataclass, field
from typing import Any

import yaml

from shared.documents import Value
from worker.door.masking.budget import Budget
from worker.door.masking.tree import Container, MaskingError

MAX_DEPTH = 200
BINARY = "tag:yaml.org,2002:binary"
"""The only tag that changes a scalar's text: it is decoded from base64."""
MERGE = "<<"


class Scalar(str):
    """A scalar's text as YAML reads it, and its position, which includes quotes, tag and block indicator."""

    __slots__ = ("end", "start")
    start: int
    end: int


@dataclass(slots=True)
class Document:
    """The roots in one text. With aliases or merge keys (`is_linked`), a value may also count in another place."""

    roots: list[Value] = field(default_factory=list)
    is_linked: bool = False


def read(text: str, budget: Budget) -> Document:
    """Reads a text. Raises `MaskingError` if it is no valid YAML or has a key that is refused, and `TooCostlyError`."""
    budget.read_document(text)
    builder = _Builder(budget)
    problem = None
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.YAMLError:
        problem = "it is not valid YAML"
    # Not raised in the except block: the parser's exception quotes the text and would become the context.
    if problem is not None:
        raise MaskingError(problem)
    return builder.document


@dataclass(slots=True)
class _Open:
    value: Container
    key: str | None = None


@dataclass(slots=True)
class _Builder:
    budget: Budget
    document: Document = field(default_factory=Document)
    _open: list[_Open] = field(default_factory=list)

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._open.pop()
        elif isinstance(event, yaml.NodeEvent):
            self._take_node(event)

    def _take_node(self, event: Any) -> None:
        self.budget.look_at_values()
        if isinstance(event, yaml.AliasEvent | yaml.ScalarEvent):
            self._put(self._scalar(event))
            return
        self._note(event)
        value: Container = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._put(value)
        self._open.append(_Open(value))
        if len(self._open) > MAX_DEPTH:
            raise MaskingError(f"it has more than {MAX_DEPTH} levels")

    def _scalar(self, event: Any) -> Scalar:
        self._note(event)
        is_alias = isinstance(event, yaml.AliasEvent)
        scalar = Scalar(event.anchor if is_alias else event.value)
        if not is_alias and event.tag == BINARY:
            raise MaskingError("it contains base64 text (`!!binary`), which cannot be checked")
        self.document.is_linked |= scalar == MERGE
        scalar.start, scalar.end = event.start_mark.index, event.end_mark.index
        return scalar

    def _note(self, event: Any) -> None:
        self.document.is_linked |= event.anchor is not None

    def _put(self, value: Value) -> None:
        if not self._open:
            self.document.roots.append(value)
            return
        parent = self._open[-1]
        if isinstance(parent.value, list):
            parent.value.append(value)
        elif parent.key is None:
            if not isinstance(value, str) or value in parent.value:
                raise MaskingError("it has a duplicate key in a mapping, or a key that is not a scalar")
            parent.key = value
        else:
            parent.value[parent.key] = value
            parent.key = None
