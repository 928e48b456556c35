"""Finds the values of Secrets in Kubernetes objects, at any depth: in lists, in watch events and in other objects."""

import json
from collections.abc import Iterator

from shared.documents import Value
from worker.door.masking.budget import is_readable
from worker.door.masking.marks import mark
from worker.door.masking.tree import Change, Container, children, leaves

KIND = "Secret"
LIST_KIND = "SecretList"
VALUE_FIELDS = {"data": True, "stringData": False}
"""Field → whether its values are base64."""
APPLIED = frozenset({"applied", "last-applied", "last-applied-configuration", "original"})
"""Names, without prefix, of annotations in which kubectl and similar tools store the whole object."""
_WHOLE = ('"data"', '"stringData"', "H4sI")
"""What is in an annotation of another name that stores a Secret, as JSON or packed."""


def changes(root: Value, *, is_secret: bool = False) -> Iterator[Change]:
    """Yields changes of the values of every Secret, also in annotations that repeat them.

    `is_secret` tells that the root is one without saying so, as objects in a list do.
    """
    waiting: list[tuple[Value, bool]] = [(root, is_secret)]
    while waiting:
        value, is_listed = waiting.pop()
        if isinstance(value, dict):
            is_own = is_listed or value.get("kind") == KIND
            if is_own:
                yield from _values(value)
            yield from _applied(value, is_secret=is_own)
        listed = value.get("items") if isinstance(value, dict) and value.get("kind") == LIST_KIND else None
        waiting.extend((child, False) for _, _, child in children(value) if child is not listed)
        waiting.extend((child, True) for _, _, child in children(listed))


def changes_of_secret(secret: dict[str, Value]) -> Iterator[Change]:
    """Yields changes of one Secret, as API servers answer it: its values are in known fields, and nowhere else."""
    yield from _values(secret)
    yield from _applied(secret, is_secret=True)


def is_object(root: Value) -> bool:
    """Returns whether the object is complete. A cut text lacks `kind`, or a watch event's `type`, which come late."""
    return isinstance(root, dict) and (isinstance(root.get("kind"), str) or {"object", "type"} <= root.keys())


def _values(secret: dict[str, Value]) -> Iterator[Change]:
    for field, is_base64 in VALUE_FIELDS.items():
        if field in secret:
            yield from _masked(secret, field, is_base64=is_base64)


def _applied(owner: dict[str, Value], *, is_secret: bool) -> Iterator[Change]:
    """Yields changes of annotations. Other objects, such as a list that was applied as a whole, may repeat a Secret."""
    metadata = owner.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(annotations, dict):
        return
    for name, value in annotations.items():
        text = str(value or "")
        stores_object = name.rpartition("/")[2] in APPLIED or (is_secret and any(part in text for part in _WHOLE))
        if text and stores_object and (is_secret or KIND in text):
            yield Change(annotations, name, _masked_text(text, is_secret=is_secret))


def _masked_text(text: str, *, is_secret: bool) -> str:
    """Returns an object in JSON with its values masked, which clients can still read; a mark if it is no object."""
    if not is_readable(text.encode("utf-8", "replace")):
        return mark(text)
    try:
        root = json.loads(text)
        if not isinstance(root, dict):
            return mark(text)
        made = [change.make() for change in tuple(changes(root, is_secret=is_secret)) if change.text != change.before]
        written = json.dumps(root, separators=(",", ":"), ensure_ascii=False)
    except (ValueError, RecursionError):
        return mark(text)
    return written + ("\n" if text.endswith("\n") else "") if made else text


def _masked(container: Container, key: str, *, is_base64: bool = False) -> Iterator[Change]:
    for owner, place, value in leaves(container, key):
        if value not in (None, ""):
            yield Change(owner, place, mark(value, is_base64=is_base64))
