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


def answered(body: bytes) -> list[Object]:
    """Returns the objects of an API server's answer, one or a list; nothing if the body is not valid JSON.

    An API server leaves out the kind of a list's items, which is that of the list.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return []
    return list(_flattened(found)) if isinstance(found, dict) else []


def _flattened(found: Object) -> Iterator[Object]:
    kind = text(found, "kind")
    if not kind.endswith("List") or not isinstance(found.get("items"), list):
        yield found
        return
    for item in items(found, "items"):
        yield {"kind": kind.removesuffix("List"), **item}
