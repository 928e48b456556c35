"""Whether a request is a dry run, as the API server decides it for each verb.

Source: `pkg/endpoints/handlers` of k8s.io/apiserver and `pkg/registry` of Kubernetes, 1.37. What is not known to be a
dry run is none: then it counts as a change.
"""

import json
from collections.abc import Container

from shared import documents
from worker.door.requests import bodies, kinds
from worker.door.requests.request_info import Query, RequestInfo

_ALL = "All"
MOST_OPTIONS_BYTES = 64 * 1024
"""Longest body with options that is read. Those of clients have some hundred bytes."""
_VERBS = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_VERBS_WITH_BODY = frozenset({"delete", "deletecollection"})
_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def is_effective(
    info: RequestInfo,
    *,
    method: str,
    query: Query,
    body: bytes,
    content_type: str,
    local_groups: Container[tuple[str, str]] = (),
) -> bool:
    """Returns whether the request is a dry run for certain.

    `local_groups` are groups and versions that are known to be served by the API server itself, beside its own ones:
    another server, to which it only passes requests on, may ignore that a request is a dry run.
    """
    if not _may_be(info, method) or not (info.group in kinds.OWN_GROUPS or (info.group, info.version) in local_groups):
        return False
    asked = [value for name, value in query if name == "dryRun"]
    if info.verb in _VERBS_WITH_BODY and body:
        return _is_all(_field(body, content_type))
    if (info.group, info.resource, info.subresource) == kinds.EVICTION and not asked:
        return _is_all(_field(body, content_type, "deleteOptions"))
    return _is_all(asked)


def undecided_by(
    info: RequestInfo,
    *,
    method: str,
    query: Query,
    body: bytes,
    content_type: str,
    local_groups: Container[tuple[str, str]] = (),
) -> str:
    """Returns the path of the APIService that decides whether the request is a dry run; empty if that is certain."""
    group = (info.group, info.version)
    if info.group in kinds.OWN_GROUPS or group in local_groups:
        return ""
    would_be = is_effective(
        info, method=method, query=query, body=body, content_type=content_type, local_groups={group}
    )
    return f"/apis/apiregistration.k8s.io/v1/apiservices/{info.version}.{info.group}" if would_be else ""


def is_served_locally(api_service: bytes) -> bool:
    """Returns whether the API server serves a group itself, from the APIService of the group in JSON."""
    try:
        value = json.loads(api_service)
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, dict) or value.get("kind") != "APIService" or not isinstance(value.get("spec"), dict):
        return False
    return value["spec"].get("service") is None


def _may_be(info: RequestInfo, method: str) -> bool:
    if not info.is_resource or info.verb not in _VERBS or method not in _METHODS or len(info.parts) > kinds.MOST_PARTS:
        return False
    if (info.group, info.resource) in kinds.REVIEWS:
        return False
    whole = (info.group, info.resource, info.subresource)
    return not info.subresource or info.subresource in kinds.READABLE_SUBRESOURCES or whole in kinds.WITH_DRY_RUN


def _is_all(values: documents.Value | list[str]) -> bool:
    return isinstance(values, list) and bool(values) and all(value == _ALL for value in values)


def _field(body: bytes, content_type: str, parent: str = "") -> documents.Value:
    """Returns the field `dryRun` of the options in a body; None if there is none or the body cannot be read."""
    if bodies.media_type(content_type) not in {"", "application/json"} or len(body) > MOST_OPTIONS_BYTES:
        return None
    try:
        options: documents.Value = bodies.read(body, content_type)
    except bodies.UndecidableError:
        return None
    if parent:
        options = options.get(parent) if isinstance(options, dict) else None
    return options.get("dryRun") if isinstance(options, dict) else None
