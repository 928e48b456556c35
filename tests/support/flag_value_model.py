"""What a flag holds after several values, made of our decoded ones: pflag's adding up, and helm's merging."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from shared.command.values import decoding, named
from shared.command.values.decoding import Value
from shared.command.values.set_language import Assignment
from shared.command.values.types import ValueType

Decode = Callable[[ValueType, str], Value]
_ADDING = (ValueType.LIST, ValueType.ARRAY)


class ConflictError(Exception):
    """helm refuses to merge an assignment with those before it."""


def held(value_type: ValueType, values: Sequence[str], decode: Decode = decoding.decode) -> Any:
    """As plain JSON values. Raises DecodeError and ConflictError."""
    decoded = [(text, decode(value_type, text)) for text in values]
    if value_type in _ADDING:
        return [element for _, value in decoded for element in named.texts(value)]
    if value_type is ValueType.MAP:
        return {key: value for _, pairs in decoded for key, value in dict(pairs).items()}  # type: ignore[arg-type]  # a map
    if not value_type.startswith("set"):
        return decoded[-1][1]
    merged: dict[str, Any] = {}
    for text, assignments in decoded:
        _merge_all(merged, value_type, text, list(assignments))  # type: ignore[arg-type]  # assignments
    if value_type is ValueType.SET_FILE:
        return [name for _, value in decoded for name in named.texts(value)]
    return merged


def _merge_all(merged: dict[str, Any], value_type: ValueType, text: str, assignments: list[Assignment]) -> None:
    for assignment in assignments:
        value = _plain(value_type, assignment)
        if not assignment.keys:
            merged.update(value)
            continue
        is_last = assignment is assignments[-1] and text.endswith("=") and assignment.value in ("", None)
        is_cut = assignment.value == () or (is_last and _ends_early(value_type, assignment))
        _assign(merged, list(assignment.keys), value, is_cut=is_cut)


def _ends_early(value_type: ValueType, assignment: Assignment) -> bool:
    """helm's parser takes a missing value behind a name for the end of the text, and goes back without its objects."""
    return value_type not in (ValueType.SET_LITERAL, ValueType.SET_JSON) and isinstance(assignment.keys[-1], str)


def _plain(value_type: ValueType, assignment: Assignment) -> Any:
    if value_type is ValueType.SET_JSON and isinstance(assignment.value, str):
        return json.loads(assignment.value)
    return list(assignment.value) if isinstance(assignment.value, tuple) else assignment.value


def _assign(into: dict[str, Any], keys: list[str | int], value: Any, *, is_cut: bool) -> None:
    name, rest = str(keys[0]), keys[1:]
    if not rest:
        if not (is_cut and value == []):
            _set(into, name, value)
    elif isinstance(rest[0], int):
        _set(into, name, _assign_item(_of_kind(list, into, name), rest, value, is_cut=is_cut))
    else:
        inner = _of_kind(dict, into, name)
        _assign(inner, rest, value, is_cut=is_cut)
        if inner:
            _set(into, name, inner)
        elif not is_cut:
            raise ConflictError("key map has no value")


def _assign_item(items: list[Any], keys: list[str | int], value: Any, *, is_cut: bool) -> list[Any]:
    """The list with the value in it; helm makes a new one where it grows."""
    index, rest = int(keys[0]), keys[1:]
    there = items[index] if index < len(items) else None
    if not rest:
        return items if is_cut else _with_item(items, index, value)
    if isinstance(rest[0], int):
        if there is not None and not isinstance(there, list):
            raise ConflictError("not a list")
        nested: Any = _assign_item([] if there is None else there, rest, value, is_cut=is_cut)
    else:
        nested = there if isinstance(there, dict) else {}
        if index < len(items):
            items[index] = nested
        _assign(nested, rest, value, is_cut=is_cut)
    return items if is_cut else _with_item(items, index, nested)


def _with_item(items: list[Any], index: int, value: Any) -> list[Any]:
    grown = items if index < len(items) else [*items, *[None] * (index + 1 - len(items))]
    grown[index] = value
    return grown


def _set(into: dict[str, Any], name: str, value: Any) -> None:
    if name:
        into[name] = value


def _of_kind(kind: type, into: dict[str, Any], name: str) -> Any:
    if name not in into:
        return kind()
    if not isinstance(into[name], kind):
        raise ConflictError(f"not a {kind.__name__}")
    return into[name]
