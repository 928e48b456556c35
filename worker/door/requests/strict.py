"""What the mode `strict` refuses: deletions that no manifest undoes, and credentials that the cluster makes.

It also refuses what leads to such a deletion: an owner that is missing deletes what depends on it, and a taint
`NoExecute` evicts the pods of a node.
"""

from collections.abc import Iterator

from shared.documents import Value
from worker.door.requests import bodies, kinds, protobuf
from worker.door.requests.request_info import RequestInfo

_READING_METHODS = frozenset({"GET", "HEAD"})
_DELETING_VERBS = frozenset({"delete", "deletecollection"})
_VERBS_ON_OBJECTS = frozenset({"update", "patch"})
_NODES = ("", "nodes")
_EVICTING = "NoExecute"
_OWNERS = "ownerReferences"
_PATCHES_OF_FIELDS = frozenset(
    {"application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json"}
)
"""Patches that create nothing. They cannot change the type of a Secret, which is immutable."""
_FROM_ELSEWHERE = frozenset({"copy", "move"})
"""Operations of a JSON patch whose value is not in the patch."""


def refusal(info: RequestInfo, method: str, *, body: bytes, content_type: str) -> str:
    """Returns why a change is refused, as the end of `strict does not allow …`; empty if it is not."""
    if not info.is_resource:
        return "writing to a path that is not known to be a resource"
    if info.verb == "deletecollection":
        return f"deleting all {info.resource} at once"
    if info.subresource:
        return _of_subresource(info, method)
    return _of_object(info, body, bodies.media_type(content_type))


def _of_object(info: RequestInfo, body: bytes, media_type: str) -> str:
    whole = (info.group, info.resource)
    kept = kinds.KEPT_IN_STRICT.get(whole)
    if kept and info.verb == "delete":
        return f"deleting {kept}"
    if kept and info.verb in _VERBS_ON_OBJECTS:
        return _of_kept(kept, is_node=whole == _NODES, body=body, media_type=media_type)
    if whole == kinds.SECRETS and info.verb not in _DELETING_VERBS:
        return _of_secret(body, media_type)
    return ""


def _of_subresource(info: RequestInfo, method: str) -> str:
    whole = (info.group, info.resource, info.subresource)
    if whole == kinds.TOKEN_REQUEST:
        return "requesting a token of a ServiceAccount"
    if whole == kinds.APPROVAL:
        return "approving or denying a CertificateSigningRequest"
    is_known = info.subresource in kinds.READABLE_SUBRESOURCES or whole in kinds.KNOWN_SUBRESOURCES
    if is_known or method in _READING_METHODS:
        return ""
    return f"writing the subresource {info.subresource} of {info.resource}"


def _of_secret(body: bytes, media_type: str) -> str:
    """Returns the refusal of a Secret that the cluster takes for a credential, or that cannot be read."""
    if media_type in _PATCHES_OF_FIELDS:
        return ""
    try:
        is_protobuf = media_type == protobuf.MEDIA_TYPE
        kind = protobuf.secret_type(body) if is_protobuf else bodies.read(body, media_type).get("type")
    except (bodies.UndecidableError, ValueError) as error:
        return f"a Secret of which the type cannot be read: {error}"
    if not isinstance(kind, str | None):
        return "a Secret of which the type is not text"
    return f"a Secret of the type {kind}" if kind in kinds.SECRET_TYPES_REFUSED_IN_STRICT else ""


def _of_kept(kept: str, *, is_node: bool, body: bytes, media_type: str) -> str:
    """Returns the refusal of a change of an object that `strict` lets nobody delete."""
    try:
        has_owners, evicts = _told(body, media_type)
    except (bodies.UndecidableError, ValueError) as error:
        return f"changing {kept} in a way that cannot be read: {error}"
    if has_owners:
        return f"making {kept} depend on other objects, with which they would be deleted"
    return f"a taint {_EVICTING}, which evicts the pods of a node" if is_node and evicts else ""


def _told(body: bytes, media_type: str) -> tuple[bool, bool]:
    """Returns whether a body names owners, and whether it names the taint that evicts pods."""
    if media_type == protobuf.MEDIA_TYPE:
        return protobuf.has_owners(body), _EVICTING.encode() in body
    is_patch = media_type == bodies.JSON_PATCH
    if not is_patch and not any(bodies.may_contain(word, body, media_type) for word in (_OWNERS, _EVICTING)):
        return False, False
    document = bodies.read(body, media_type)
    operations = document.get("operations") if is_patch else None
    has_owners = any(map(_sets_owners, operations)) if isinstance(operations, list) else False
    parts = tuple(_parts(document))
    has_owners |= any(isinstance(part, dict) and bool(part.get(_OWNERS)) for part in parts)
    return has_owners, _EVICTING in (part for part in parts if isinstance(part, str))


def _sets_owners(operation: Value) -> bool:
    """Returns whether an operation of a JSON patch names owners by its path. Raises `UndecidableError`."""
    if not isinstance(operation, dict) or operation.get("op") in _FROM_ELSEWHERE:
        raise bodies.UndecidableError("a JSON patch copies or moves values that are not in it")
    return _OWNERS in str(operation.get("path")) and operation.get("op") != "remove"


def _parts(root: Value) -> Iterator[Value]:
    """Yields each value at any depth, the names of fields too."""
    waiting: list[Value] = [root]
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, dict):
            waiting.extend(part.keys())
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
