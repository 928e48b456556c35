"""What the mode `strict` refuses besides making credentials: deletions that no manifest undoes.

It also refuses what leads to such a deletion: an owner that is missing deletes what depends on it, a volume goes with
its claim, and a taint `NoExecute` evicts the pods of a node.
"""

from collections.abc import Iterator

from shared.documents import Value
from worker.door.requests import bodies, kinds, protobuf
from worker.door.requests.request_info import RequestInfo

_READING_METHODS = frozenset({"GET", "HEAD"})
_VERBS_ON_OBJECTS = frozenset({"update", "patch"})
_EVICTING = "NoExecute"
_EVICTS = f"a taint {_EVICTING}, which evicts the pods of a node"
_OWNERS = "ownerReferences"
_DECIDING = (_OWNERS, "taint", "claimRef", "persistentVolumeReclaimPolicy")
"""Fields that decide. A long text in YAML without them is not read."""
_FROM_ELSEWHERE = frozenset({"copy", "move"})
"""Operations of a JSON patch whose value is not in the patch."""


def refusal(info: RequestInfo, method: str, *, body: bytes, content_type: str) -> str:
    """Returns why a change is refused, as the end of `strict does not allow …`; empty if it is not."""
    if not info.is_resource:
        return "writing to a path that is not known to be a resource"
    if info.verb == "deletecollection":
        return f"deleting all {info.resource} at once"
    return _of_subresource(info, method) or _of_object(info, body, bodies.media_type(content_type))


def _of_subresource(info: RequestInfo, method: str) -> str:
    whole = (info.group, info.resource, info.subresource)
    is_known = info.subresource in kinds.READABLE_SUBRESOURCES or whole in kinds.KNOWN_SUBRESOURCES
    if not info.subresource or is_known or method in _READING_METHODS:
        return ""
    return f"writing the subresource {info.subresource} of {info.resource}"


def _of_object(info: RequestInfo, body: bytes, media_type: str) -> str:
    """Metadata can be written by the subresource `status`, too."""
    whole = (info.group, info.resource)
    kept = kinds.KEPT_IN_STRICT.get(whole)
    if kept and info.verb == "delete":
        return f"deleting {kept}"
    is_changed = bool(kept) and info.verb in _VERBS_ON_OBJECTS
    if not is_changed and (whole != kinds.TAINT_RULES or info.verb == "delete"):
        return ""
    try:
        return next(filter(None, (_of_part(whole, part) for part in _parts(body, media_type))), "")
    except (bodies.UndecidableError, ValueError) as error:
        return f"changing {kept or info.resource} in a way that cannot be read: {error}"


def _of_part(whole: tuple[str, str], part: dict[str, Value]) -> str:
    metadata, spec = (_mapping(part.get(name)) for name in ("metadata", "spec"))
    if metadata.get(_OWNERS):
        return f"making {kinds.KEPT_IN_STRICT.get(whole, whole[1])} depend on objects with which they would be deleted"
    if whole == kinds.VOLUMES:
        is_bound = "uid" in _mapping(spec.get("claimRef"))
        goes = is_bound or spec.get("persistentVolumeReclaimPolicy") == "Delete"
        return "giving a PersistentVolume a claim or policy with which it would be deleted" if goes else ""
    taints = spec.get("taints") if whole == kinds.NODES else spec.get("taint") if whole == kinds.TAINT_RULES else None
    return _EVICTS if _EVICTING in _texts(taints) else ""


def _mapping(value: Value) -> dict[str, Value]:
    return value if isinstance(value, dict) else {}


def _parts(body: bytes, media_type: str) -> Iterator[dict[str, Value]]:
    """Yields what a body sets, as parts of the object. Raises `UndecidableError`, `ValueError`."""
    if media_type == protobuf.MEDIA_TYPE:
        yield {"metadata": {_OWNERS: "there"} if protobuf.has_owners(body) else {}}
        yield from _suspected(body)
    elif len(body) > bodies.MOST_YAML_BYTES and not bodies.may_contain(_DECIDING, body, media_type):
        return
    elif media_type == bodies.JSON_PATCH:
        yield from map(_set_by, _listed(bodies.read(body, media_type).get("operations")))
    else:
        yield bodies.read(body, media_type)


def _suspected(body: bytes) -> Iterator[dict[str, Value]]:
    """Yields what a message may set whose fields are not read one by one: no CLI sends these kinds in protobuf."""
    if _EVICTING.encode() in body:
        yield {"spec": {"taints": _EVICTING, "taint": _EVICTING}}
    if b"Delete" in body:
        yield {"spec": {"persistentVolumeReclaimPolicy": "Delete"}}


def _listed(operations: Value) -> list[Value]:
    if not isinstance(operations, list):
        raise bodies.UndecidableError("it is no list of operations")
    return operations


def _set_by(operation: Value) -> dict[str, Value]:
    """Returns the part of the object that an operation of a JSON patch (RFC 6902) sets."""
    if not isinstance(operation, dict) or operation.get("op") in _FROM_ELSEWHERE:
        raise bodies.UndecidableError("a JSON patch copies or moves values that are not in it")
    if operation.get("op") not in {"add", "replace"}:
        return {}
    part: Value = operation.get("value")
    for segment in reversed(str(operation.get("path")).split("/")[1:]):
        part = {segment.replace("~1", "/").replace("~0", "~"): part}
    return _mapping(part)


def _texts(root: Value) -> Iterator[str]:
    """Yields each text at any depth."""
    waiting: list[Value] = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
