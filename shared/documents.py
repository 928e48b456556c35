"""Reads untrusted JSON and YAML: one document of mappings, lists and plain scalars, within limits.

Tags, aliases, merge keys, duplicate keys and further documents are refused. The text is secret, so errors name only the
line. A parser's exception contains the text, so it is never the cause or the context of a `DocumentError`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

MAX_DEPTH = 32
MAX_NODES = 50_000
_GLUED_SEPARATOR = re.compile(r"^---(?![ \t\r\n]|\Z)", re.MULTILINE)
_MERGE = "<<"
"""The merge key of YAML 1.1: as a plain key it merges the keys of its value into the mapping."""

Value = dict[str, "Value"] | list["Value"] | str | bool | int | float | None
"""A value of a document. Plain YAML scalars are text, except booleans and null: nothing here needs numbers."""

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}


class DocumentError(Exception):
    """The document is not valid. The text says why and repeats nothing of the document."""


def load(text: str) -> Value:
    """Returns the document. Raises `DocumentError` if it is not valid or exceeds a limit."""
    if text.lstrip().startswith("{"):
        parsed, value = _json(text)
        if parsed:
            return value
    return _yaml(text)


def load_all(text: str) -> list[Value]:
    """Returns each document of a YAML stream, or the one of a JSON text. Raises `DocumentError` as `load` does.

    kubectl ends a document at each line that begins with `---`. YAML ends it only if white space follows. A text that
    the two would split differently is refused.
    """
    if _GLUED_SEPARATOR.search(text):
        raise DocumentError("it has a line that begins with `---` followed by other text")
    return _documents(text, _Builder(is_stream=True))


def _json(text: str) -> tuple[bool, Value]:
    """Returns whether the text is JSON, and its value. Other text may still be a YAML flow mapping."""
    try:
        value: Value = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return False, None
    _check_depth(value)
    return True, value


def _unique(pairs: list[tuple[str, Value]]) -> Value:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise DocumentError("it has a key twice in one mapping")
    return mapping


def _check_depth(value: Value) -> None:
    layer = [value]
    for _ in range(MAX_DEPTH):
        layer = [child for parent in layer for child in _children(parent)]
        if not layer:
            return
    raise DocumentError(f"it is nested more than {MAX_DEPTH} deep")


def _children(value: Value) -> Iterator[Value]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _yaml(text: str) -> Value:
    roots = _documents(text, _Builder())
    return roots[0] if roots else None


def _documents(text: str, builder: "_Builder") -> list[Value]:
    problem = None
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            try:
                builder.take(event)
            except DocumentError as error:
                problem = f"{error}{_at(event.start_mark)}"
                break
    except yaml.MarkedYAMLError as error:
        problem = f"it is not valid YAML{_at(error.problem_mark)}"
    except yaml.YAMLError:
        problem = "it is not valid YAML"
    # Not raised in the except block: the parser's exception may quote the text and would become the context.
    if problem is not None:
        raise DocumentError(problem)
    return builder.roots


def _at(mark: Any) -> str:
    return f" (line {mark.line + 1})" if mark else ""


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end event has not come yet."""

    value: dict[str, Value] | list[Value]
    key: str | None = None


@dataclass(slots=True)
class _Builder:
    """Builds the values from the parser's events without recursion, and checks each event."""

    is_stream: bool = False
    roots: list[Value] = field(default_factory=list)
    _open: list[_Open] = field(default_factory=list)
    _documents: int = 0
    _nodes: int = 0

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            self._require(self.is_stream or self._documents == 1, "it contains more than one document")
        elif isinstance(event, yaml.AliasEvent):
            raise DocumentError("it uses YAML aliases (`*name`): write the values out")
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._open.pop()
        elif isinstance(event, yaml.NodeEvent):
            self._take_node(event)

    def _take_node(self, event: Any) -> None:
        self._nodes += 1
        self._require(self._nodes <= MAX_NODES, f"it has more than {MAX_NODES} values")
        self._require(event.tag in (None, "!"), "it uses YAML tags (`!name`): write plain values")
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
            return
        value: dict[str, Value] | list[Value] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._put(value)
        self._open.append(_Open(value))
        self._require(len(self._open) <= MAX_DEPTH, f"it is nested more than {MAX_DEPTH} deep")

    def _scalar(self, event: Any) -> None:
        text: str = event.value
        parent = self._open[-1] if self._open else None
        if parent is not None and isinstance(parent.value, dict) and parent.key is None:
            self._require(text not in parent.value, "it has a key twice in one mapping")
            # `! "<<"` is one, too.
            self._require(text != _MERGE, "it uses YAML merge keys (`<<`): write the values out")
            parent.key = text
        else:
            is_plain = not event.style and event.tag is None  # `! null` is text
            self._put(_WORDS.get(text, text) if is_plain else text)

    def _put(self, value: Value) -> None:
        if not self._open:
            self.roots.append(value)
            return
        parent = self._open[-1]
        if isinstance(parent.value, list):
            parent.value.append(value)
            return
        if parent.key is None:
            raise DocumentError("it has a mapping or list as a key")
        parent.value[parent.key] = value
        parent.key = None

    @staticmethod
    def _require(condition: bool, problem: str) -> None:
        if not condition:
            raise DocumentError(problem)
