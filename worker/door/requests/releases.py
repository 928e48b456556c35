"""Tells the objects in which helm keeps its releases: https://helm.sh/docs/topics/advanced/#storage-backends"""

from worker.door.requests import bodies, kinds, protobuf
from worker.door.requests.request_info import RequestInfo

TYPE = "helm.sh/release.v1"
_PREFIX = "sh.helm.release.v1."
_WITH_OBJECT = frozenset({"create", "update"})


def is_release(info: RequestInfo, *, body: bytes, content_type: str) -> bool:
    """Returns whether a request only concerns a Secret in which helm keeps a release."""
    if (info.group, info.resource) != kinds.SECRETS or info.subresource:
        return False
    if info.verb in _WITH_OBJECT:
        return _type(body, bodies.media_type(content_type)) == TYPE
    return info.name.startswith(_PREFIX)


def _type(body: bytes, media_type: str) -> object:
    try:
        is_protobuf = media_type == protobuf.MEDIA_TYPE
        return protobuf.secret_type(body) if is_protobuf else bodies.read(body, media_type).get("type")
    except (bodies.UndecidableError, ValueError):
        return None
