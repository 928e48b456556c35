"""Tells the objects in which helm keeps its releases: https://helm.sh/docs/topics/advanced/#storage-backends"""

from worker.door.requests import bodies, kinds, protobuf
from worker.door.requests.request_info import RequestInfo

TYPE = "helm.sh/release.v1"
PREFIX = "sh.helm.release.v1."
_WITH_OBJECT = frozenset({"create", "update"})


def is_release(info: RequestInfo, *, body: bytes, content_type: str) -> bool:
    """Returns whether a request only concerns a Secret in which helm keeps a release."""
    if (info.group, info.resource) != kinds.SECRETS or info.subresource:
        return False
    if info.verb in _WITH_OBJECT:
        return _is_written(body, bodies.media_type(content_type))
    return info.name.startswith(PREFIX)


def _is_written(body: bytes, media_type: str) -> bool:
    try:
        if media_type == protobuf.MEDIA_TYPE:
            kind, name = protobuf.secret_type(body), protobuf.identified(body)[1]
        else:
            document = bodies.read(body, media_type)
            metadata = document.get("metadata")
            kind, name = str(document.get("type")), str(metadata.get("name")) if isinstance(metadata, dict) else ""
    except (bodies.UndecidableError, ValueError):
        return False
    return kind == TYPE and name.startswith(PREFIX)
