"""Checks that a body is one JSON-RPC message that a client of any revision may send.

For earlier revisions, the SDK's transport answers any other body with pydantic's text, which repeats the body. It also
reads a request whose id is not valid as a notification, so that its sender would wait for ever.
"""

from typing import Any

from mcp_types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError, RequestId
from pydantic_core import from_json


def fault(body: bytes) -> JSONRPCError | None:
    """Returns the error for a body that is neither request nor notification. It repeats at most a valid id."""
    try:
        message = from_json(body)
    except ValueError:
        return _error(PARSE_ERROR, "The body is not valid JSON.")
    said = _what_is_wrong(message)
    return _error(INVALID_REQUEST, said, _id_of(message)) if said else None


def _what_is_wrong(message: Any) -> str | None:
    if isinstance(message, list):
        return "The body is a batch: send each message in a request of its own."
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return 'The body must be one JSON-RPC message: an object with "jsonrpc": "2.0".'
    if not isinstance(message.get("method"), str):
        return "The message has no `method`. This server sends no requests, so it accepts no answers."
    if not isinstance(message.get("params", {}), dict):
        return "`params` must be an object."
    if "id" in message and _id_of(message) is None:
        return "`id` must be a string or an integer; a notification has no `id`."
    return None


def _id_of(message: Any) -> RequestId | None:
    found = message.get("id") if isinstance(message, dict) else None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def _error(code: int, message: str, request_id: RequestId | None = None) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=message))
