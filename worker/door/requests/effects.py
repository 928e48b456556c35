"""What a request does to its cluster: whether it changes something, is a read, or is refused by the mode `strict`.

A read is what this module knows to be one. A change is everything that this module does not know to change nothing.
"""

import re
from collections.abc import Container
from dataclasses import dataclass

from worker.door.requests import credentials, dry_run, kinds, strict
from worker.door.requests.request_info import Query, RequestInfo

_READING_METHODS = frozenset({"GET", "HEAD"})
_READING_VERBS = frozenset({"get", "list", "watch"})
_SAFE_PATH = re.compile(
    r"/?|/version/?"
    r"|/(?:healthz|livez|readyz)(?:/.*)?"
    r"|/metrics(?:/slis)?|/\.well-known/openid-configuration|/openid/v1/jwks"
    r"|/openapi/(?:v2|v3(?:/.*)?)/?"
    r"|/api(?:/[^/]+)?/?|/apis(?:/[^/]+){0,2}/?",
    re.DOTALL,
)


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
    credential: str = ""
    """The credential that it makes, as the end of `strict does not allow …`; empty if it makes none."""


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
    credential = credentials.made(info, body=body, content_type=content_type)
    is_harmless = is_dry_run or _only_looks(info, method) or _is_among(info, method, kinds.REVIEWS)
    return Judgement(
        is_change=not is_harmless,
        is_read=_is_read(info, method, is_dry_run=is_dry_run),
        strict_refusal=""
        if is_harmless
        else credential or strict.refusal(info, method, body=body, content_type=content_type),
        is_dry_run=is_dry_run,
        credential="" if is_harmless else credential,
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
        return (info.group, info.resource) != kinds.SECRETS
    return _is_among(info, method, kinds.SELF_REVIEWS | kinds.ACCESS_REVIEWS)
