"""Answers of the door itself. Each is a `Status` of Kubernetes, which every CLI prints as an API server's error."""

import json
from http import HTTPStatus

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    405: "MethodNotAllowed",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    502: "InternalError",
    503: "ServiceUnavailable",
}
MOST_MESSAGE_CHARACTERS = 2_048


def body(status: int, message: str) -> bytes:
    """Returns the JSON of a Status."""
    return json.dumps(
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message[:MOST_MESSAGE_CHARACTERS],
            "reason": _REASONS.get(status, "BadRequest"),
            "code": status,
        }
    ).encode()


def answer(status: int, message: str, *, keeps_connection: bool) -> bytes:
    """Returns the whole answer. It has no `Retry-After`, with which clients would repeat their request."""
    return _whole(status, body(status, message), "application/json", keeps_connection=keeps_connection)


def answer_in_words(status: int, message: str, *, keeps_connection: bool) -> bytes:
    """Returns the whole answer as text.

    Kubernetes' client library does not decode a Status that answers for discovery or a version, but quotes a text.
    """
    content = message[:MOST_MESSAGE_CHARACTERS].encode()
    return _whole(status, content, "text/plain; charset=utf-8", keeps_connection=keeps_connection)


def _whole(status: int, content: bytes, content_type: str, *, keeps_connection: bool) -> bytes:
    head = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(content)}",
    ]
    if not keeps_connection:
        head.append("Connection: close")
    return "\r\n".join((*head, "", "")).encode() + content
