"""The patch formats. A JSON patch (RFC 6902) is refused: no test needs it."""

from collections.abc import Callable
from typing import Any

from tests.support.api_server import bodies
from tests.support.api_server.resources import KubeObject

SERVER_SIDE = ("uid", "creationTimestamp", "resourceVersion", "namespace", "name")

Patch = Callable[[KubeObject, KubeObject], KubeObject]


def merge(target: KubeObject, patch: KubeObject) -> KubeObject:
    """RFC 7396."""
    merged = dict(target)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = merge(_dict(merged.get(key)), value)
        else:
            merged[key] = value
    return merged


def merge_strategically(target: KubeObject, patch: KubeObject) -> KubeObject:
    """As `merge`, but lists of named things merge by name. Directives (`$patch`, …) are dropped, not followed."""
    merged = dict(target)
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = merge_strategically(_dict(merged.get(key)), value)
        elif _is_named(value):
            merged[key] = _merge_named(merged.get(key) or [], value)
        else:
            merged[key] = value
    return merged


def apply(target: KubeObject, patch: KubeObject) -> KubeObject:
    """Server-side apply with one field manager: what the patch leaves out is gone, but for what the server set."""
    metadata = _dict(target.get("metadata"))
    kept = {key: metadata[key] for key in SERVER_SIDE if key in metadata}
    applied = {**patch, "metadata": {**_dict(patch.get("metadata")), **kept}}
    if "status" in target:
        applied["status"] = target["status"]
    return applied


FORMATS: dict[str, Patch] = {
    "application/merge-patch+json": merge,
    "application/strategic-merge-patch+json": merge_strategically,
    bodies.APPLY: apply,
}


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_named(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) and "name" in item for item in value)


def _merge_named(target: list[KubeObject], patch: list[KubeObject]) -> list[KubeObject]:
    merged = {item.get("name"): item for item in target}
    for item in patch:
        merged[item["name"]] = merge_strategically(merged.get(item["name"], {}), item)
    return list(merged.values())
