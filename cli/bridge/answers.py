"""Answers that the bridge gives when the gateway gives none: an error result for a tool call, else a JSON-RPC error."""

import json
from typing import Any

from mcp_types import (
    CONNECTION_CLOSED,
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCRequest,
    JSONRPCResponse,
)
from pydantic import ValidationError

from cli.bridge import call

UNREACHED = (
    "No gateway answers, and nothing was run: start one with `mcp-k8s up`, or name another with the bridge's --url."
)
LOST = (
    "The connection to the gateway was lost during this call. Its outcome is unknown: it may still run, or may have "
    "taken effect. Check before you send it again (list_jobs, get_job, or a command that reads)."
)


def failure(request: JSONRPCRequest, text: str) -> JSONRPCResponse | JSONRPCError:
    """Returns a result with `isError` for a tool call, or an error for any other request."""
    if request.method != call.CALL_TOOL:
        return JSONRPCError(jsonrpc="2.0", id=request.id, error=ErrorData(code=CONNECTION_CLOSED, message=text))
    result: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": True}
    if call.version_of(request) is not None:
        result["resultType"] = "complete"
    return JSONRPCResponse(jsonrpc="2.0", id=request.id, result=result)


def unreadable(problem: Exception) -> JSONRPCError:
    """Answers a line that is not a JSON-RPC message. Its id is unknown (JSON-RPC 2.0, section 5)."""
    kinds = {error["type"] for error in problem.errors()} if isinstance(problem, ValidationError) else set()
    is_json = bool(kinds) and "json_invalid" not in kinds
    code, text = (INVALID_REQUEST, "Invalid request") if is_json else (PARSE_ERROR, "Parse error")
    return JSONRPCError(jsonrpc="2.0", id=None, error=ErrorData(code=code, message=text))


def refusal(status: int, body: bytes) -> str:
    """Explains an HTTP response that is not JSON-RPC: by the detail of a problem (RFC 9457), else by its status."""
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The gateway answered with HTTP status {status}."
