"""Reads fields out of objects as a cluster prints them: what is missing or of another shape reads as empty."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

Object = Mapping[str, Any]
"""JSON of an object of a cluster, or of a part of one."""


def mapping(value: Object, *path: str) -> Object:
    """The mapping at that path."""
    for name in path:
        found = value.get(name)
        value = found if isinstance(found, dict) else {}
    return value


def text(value: Object, *path: str) -> str:
    """The text at that path."""
    found = mapping(value, *path[:-1]).get(path[-1])
    return found if isinstance(found, str) else ""


def number(value: Object, *path: str, default: int = 0) -> int:
    """The whole number at that path."""
    found = mapping(value, *path[:-1]).get(path[-1])
    return found if isinstance(found, int) and not isinstance(found, bool) else default


def items(value: Object, *path: str) -> list[Object]:
    """The mappings in the list at that path."""
    found = mapping(value, *path[:-1]).get(path[-1])
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def condition(value: Object, name: str) -> Object:
    """The status condition of that type, in any case of its letters."""
    found = (item for item in items(value, "status", "conditions") if text(item, "type").lower() == name.lower())
    return next(found, {})


def printed(output: bytes) -> list[Object]:
    """The objects that a command printed as JSON: one of them, or a List; none where it is no JSON."""
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
