"""Says which change a request is, and what became of it."""

import json
from typing import Any

from shared.changes import Change, ChangeState
from worker.door.http.child_connection import Request
from worker.door.http.server_connection import AnswerHead
from worker.door.requests import bodies, kinds, protobuf
from worker.door.requests.request_info import RequestInfo

MOST_CHARACTERS = 512
"""Longest text of a change. Names of Kubernetes have at most 253 characters."""
MOST_READ_BYTES = 1024 * 1024
"""Longest body in which a name and a kind are looked for."""
_FAILURES = 300
_GRPC_SUCCESSES = frozenset({"", "0"})
"""A call that fails at once has another status in its headers (grpc-web calls it an answer of trailers only)."""
_JSON = frozenset({"", "application/json"})
_VERBS_WITH_OBJECT = frozenset({"create", "update"})


def of(info: RequestInfo, request: Request, *, number: int, known_kind: str) -> Change:
    """Returns the change that a request is. `known_kind` is what discovery says, if it is known."""
    sent = _identified(request.body, request.head.header("content-type")) if _has_object(info) else ("", "")
    return Change(
        number=number,
        verb=_text(info.subresource if _is_connection(info) else info.verb),
        group=_text(info.group),
        resource=_text("/".join(filter(None, (info.resource, info.subresource))) if info.is_resource else info.path),
        kind=_text(known_kind) or sent[0],
        namespace=_text(info.namespace),
        name=_text(info.name) or sent[1],
    )


def needs_name(change: Change) -> bool:
    """Whether only the answer tells the name of the object."""
    return change.verb == "create" and not change.name


def completed(change: Change, head: AnswerHead, body: bytes | None) -> Change:
    """Returns the change with its outcome. `body` is the answer's, where it was read."""
    is_done = head.status < _FAILURES and head.header("grpc-status") in _GRPC_SUCCESSES
    kind, name = _identified(body, head.header("content-type")) if is_done and body else ("", "")
    outcome: dict[str, Any] = {"state": ChangeState.DONE if is_done else ChangeState.FAILED, "status": head.status}
    return change.model_copy(update=outcome | {"name": change.name or name, "kind": change.kind or kind})


def refused(change: Change) -> Change:
    """Returns the change as one whose request was not forwarded."""
    return change.model_copy(update={"state": ChangeState.REFUSED})


def _has_object(info: RequestInfo) -> bool:
    return info.is_resource and info.verb in _VERBS_WITH_OBJECT and not info.subresource


def _is_connection(info: RequestInfo) -> bool:
    return info.subresource in kinds.CONNECTIONS


def _identified(body: bytes, content_type: str) -> tuple[str, str]:
    """Returns kind and name of the object in a body in JSON or protobuf; what cannot be read is empty."""
    media_type = bodies.media_type(content_type)
    if len(body) > MOST_READ_BYTES:
        return "", ""
    if media_type == protobuf.MEDIA_TYPE:
        return _identified_in_protobuf(body)
    return _identified_in_json(body) if media_type in _JSON else ("", "")


def _identified_in_protobuf(body: bytes) -> tuple[str, str]:
    try:
        return protobuf.identified(body)
    except ValueError:
        return "", ""


def _identified_in_json(body: bytes) -> tuple[str, str]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    metadata = document.get("metadata") if isinstance(document, dict) else None
    if not isinstance(metadata, dict):
        return "", ""
    return _text(document.get("kind")), _text(metadata.get("name"))


def _text(value: object) -> str:
    """Returns a text of limited length that can be encoded; JSON may have halves of a character."""
    return value[:MOST_CHARACTERS].encode(errors="replace").decode() if isinstance(value, str) else ""
