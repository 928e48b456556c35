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
    content = body(status, message)
    head = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
    ]
    if not keeps_connection:
        head.append("Connection: close")
    return "\r\n".join((*head, "", "")).encode() + content
