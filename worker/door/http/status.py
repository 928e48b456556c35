"""Answers of the door itself, which every CLI prints as its server's error: a `Status` of Kubernetes, or of gRPC."""

import json
import re
from http import HTTPStatus

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    429: "TooManyRequests",
    503: "ServiceUnavailable",
    504: "Timeout",
}
_LEAST_OF_SERVER = 500
_GRPC_CODES = {400: 3, 403: 7}
"""INVALID_ARGUMENT and PERMISSION_DENIED (https://grpc.io/docs/guides/status-codes/)."""
_GRPC_UNKNOWN = 2
"""The code with which gRPC's own clients tell that they reach no server. UNAVAILABLE would make argocd repeat."""
_NOT_IN_HEADERS = re.compile(r"[^ -~]")
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
            "reason": _REASONS.get(status, "InternalError" if status >= _LEAST_OF_SERVER else "BadRequest"),
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


def answer_by_grpc(status: int, message: str, *, keeps_connection: bool) -> bytes:
    """Returns the whole answer to a call by grpc-web: its status is in the headers, and it has no message."""
    text = _NOT_IN_HEADERS.sub("?", message[:MOST_MESSAGE_CHARACTERS])
    status_of_grpc = f"grpc-status: {_GRPC_CODES.get(status, _GRPC_UNKNOWN)}\r\ngrpc-message: {text}"
    content_type = f"application/grpc-web+proto\r\n{status_of_grpc}"
    return _whole(HTTPStatus.OK, b"", content_type, keeps_connection=keeps_connection)


def _whole(status: int, content: bytes, content_type: str, *, keeps_connection: bool) -> bytes:
    head = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(content)}",
    ]
    if not keeps_connection:
        head.append("Connection: close")
    return "\r\n".join((*head, "", "")).encode() + content
