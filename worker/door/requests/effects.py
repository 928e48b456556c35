"""What a request does to its cluster: whether it changes something, is a read, or is refused by the mode `strict`.

A read is what this module knows to be one. A change is everything that this module does not know to change nothing.
"""

import re
from collections.abc import Container
from dataclasses import dataclass

from worker.door.requests import bodies, dry_run, kinds, protobuf
from worker.door.requests.request_info import Query, RequestInfo

_READING_METHODS = frozenset({"GET", "HEAD"})
_READING_VERBS = frozenset({"get", "list", "watch"})
_DELETING_VERBS = frozenset({"delete", "deletecollection"})
_SAFE_PATH = re.compile(
    r"/?|/version/?"
    r"|/(?:healthz|livez|readyz)(?:/.*)?"
    r"|/openapi/(?:v2|v3(?:/.*)?)/?"
    r"|/api(?:/[^/]+)?/?|/apis(?:/[^/]+){0,2}/?",
    re.DOTALL,
)
_APPLY = "application/apply-patch+yaml"
_PATCHES_OF_FIELDS = frozenset(
    {"application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json"}
)
"""Patches that create nothing. They cannot change the type of a Secret, which is immutable."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the door says about a request."""

    is_change: bool
    """Whether it is not known to change nothing."""
    is_read: bool
    """Whether a command of class `read` may send it."""
    strict_refusal: str
    """Why the mode `strict` refuses it, as the end of `strict does not allow …`; empty if it does not."""
    is_dry_run: bool


def judge(
    info: RequestInfo,
    *,
    method: str,
    query: Query,
    body: bytes,
    content_type: str,
    local_groups: Container[tuple[str, str]] = (),
) -> Judgement:
    """Returns what a request does. For `local_groups` see `dry_run.is_effective`."""
    is_dry_run = dry_run.is_effective(
        info, method=method, query=query, body=body, content_type=content_type, local_groups=local_groups
    )
    is_harmless = is_dry_run or _only_looks(info, method) or _is_among(info, method, kinds.REVIEWS)
    return Judgement(
        is_change=not is_harmless,
        is_read=_is_read(info, method, is_dry_run=is_dry_run),
        strict_refusal="" if is_harmless else _strict_refusal(info, method, body=body, content_type=content_type),
        is_dry_run=is_dry_run,
    )


def may_upgrade(info: RequestInfo) -> bool:
    """Whether the request may become a tunnel. The API server also offers watches as one, which hides their answers."""
    return info.is_resource and info.subresource in kinds.CONNECTIONS


def _only_looks(info: RequestInfo, method: str) -> bool:
    """Whether the request is known to change nothing because of its method and what it asks for."""
    if method not in _READING_METHODS:
        return False
    return not info.is_resource or _gets_resource(info)


def _gets_resource(info: RequestInfo) -> bool:
    """Whether a GET returns a resource, or a part of it that is known to be a mere view."""
    if info.verb not in _READING_VERBS or len(info.parts) > kinds.MOST_PARTS:
        return False
    whole = (info.group, info.resource, info.subresource)
    return not info.subresource or info.subresource in kinds.READABLE_SUBRESOURCES or whole == kinds.LOGS


def _is_among(info: RequestInfo, method: str, reviews: Container[tuple[str, str]]) -> bool:
    """Whether the request asks one of these questions."""
    is_creation = method == "POST" and info.verb == "create" and len(info.parts) == 1
    return info.is_resource and is_creation and (info.group, info.resource) in reviews


def _is_read(info: RequestInfo, method: str, *, is_dry_run: bool) -> bool:
    if method in _READING_METHODS:
        return _gets_resource(info) if info.is_resource else bool(_SAFE_PATH.fullmatch(info.path))
    if is_dry_run:
        is_plain = not info.subresource or info.subresource in kinds.READABLE_SUBRESOURCES
        return is_plain and (info.group, info.resource) != kinds.SECRETS
    return _is_among(info, method, kinds.SELF_REVIEWS | kinds.ACCESS_REVIEWS)


def _strict_refusal(info: RequestInfo, method: str, *, body: bytes, content_type: str) -> str:
    """Returns the refusal of a request that may change something."""
    if not info.is_resource:
        return "writing to a path that is not known to be a resource"
    if info.verb == "deletecollection":
        return f"deleting all {info.resource} at once"
    if info.subresource:
        return _refused_subresource(info, method)
    kept = kinds.KEPT_IN_STRICT.get((info.group, info.resource))
    if info.verb == "delete" and kept:
        return f"deleting {kept}"
    if (info.group, info.resource) == kinds.SECRETS and info.verb not in _DELETING_VERBS:
        return _refused_secret(body, bodies.media_type(content_type))
    return ""


def _refused_subresource(info: RequestInfo, method: str) -> str:
    whole = (info.group, info.resource, info.subresource)
    if whole == kinds.TOKEN_REQUEST:
        return "requesting a token of a ServiceAccount"
    if whole == kinds.APPROVAL:
        return "approving or denying a CertificateSigningRequest"
    is_known = info.subresource in kinds.READABLE_SUBRESOURCES or whole in kinds.KNOWN_SUBRESOURCES
    if is_known or method in _READING_METHODS:
        return ""
    return f"writing the subresource {info.subresource} of {info.resource}"


def _refused_secret(body: bytes, media_type: str) -> str:
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
