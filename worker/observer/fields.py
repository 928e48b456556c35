"""Reads fields of objects in a cluster's JSON. A field that is missing or has another type reads as empty."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

Object = Mapping[str, Any]
"""The JSON of a cluster's object, or of a part of one."""


def mapping(value: Object, *path: str) -> Object:
    """Returns the mapping at a path."""
    for name in path:
        found = value.get(name)
        value = found if isinstance(found, dict) else {}
    return value


def text(value: Object, *path: str) -> str:
    """Returns the text at a path."""
    found = mapping(value, *path[:-1]).get(path[-1])
    return found if isinstance(found, str) else ""


def number(value: Object, *path: str, default: int = 0) -> int:
    """Returns the whole number at a path."""
    found = mapping(value, *path[:-1]).get(path[-1])
    return found if isinstance(found, int) and not isinstance(found, bool) else default


def items(value: Object, *path: str) -> list[Object]:
    """Returns the mappings in the list at a path."""
    found = mapping(value, *path[:-1]).get(path[-1])
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def condition(value: Object, name: str) -> Object:
    """Returns the status condition of a type. Upper and lower case are equal."""
    found = (item for item in items(value, "status", "conditions") if text(item, "type").lower() == name.lower())
    return next(found, {})


def printed(output: bytes) -> list[Object]:
    """Returns the objects that a command printed as JSON, one or a List; nothing if the output is not valid JSON."""
    try:
        found = json.loads(output)
    except (ValueError, RecursionError):
        return []
    return list(_flattened(found)) if isinstance(found, dict) else []


def _flattened(found: Object) -> Iterator[Object]:
    if text(found, "kind") == "List":
        yield from items(found, "items")
    else:
        yield found
