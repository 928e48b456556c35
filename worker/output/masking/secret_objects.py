"""Finds the values of Secrets in Kubernetes objects, at any depth: in lists, in watch events and in other objects."""

from collections.abc import Iterator

from shared.documents import Value
from worker.output.masking.tree import Change, Container, children, leaves, mark

KIND = "Secret"
LIST_KIND = "SecretList"
VALUE_FIELDS = {"data": True, "stringData": False}
"""Field → whether its values are base64."""
APPLIED = frozenset({"applied", "last-applied", "last-applied-configuration"})
"""Names, without prefix, of annotations in which kubectl and similar tools store the whole object."""


def changes(root: Value) -> Iterator[Change]:
    """Yields changes of the values of every Secret, also in annotations that repeat them."""
    waiting: list[tuple[Value, bool]] = [(root, False)]
    while waiting:
        value, is_listed = waiting.pop()
        if isinstance(value, dict):
            is_secret = is_listed or value.get("kind") == KIND
            if is_secret:
                yield from _values(value)
            yield from _applied(value, is_secret=is_secret)
        listed = value.get("items") if isinstance(value, dict) and value.get("kind") == LIST_KIND else None
        waiting.extend((child, False) for _, _, child in children(value) if child is not listed)
        waiting.extend((child, True) for _, _, child in children(listed))


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
        if name.rpartition("/")[2] in APPLIED and (is_secret or f'"{KIND}"' in str(value)):
            yield from _masked(annotations, name)


def _masked(container: Container, key: str, *, is_base64: bool = False) -> Iterator[Change]:
    for owner, place, value in leaves(container, key):
        if value not in (None, ""):
            yield Change(owner, place, mark(value, is_base64=is_base64))
