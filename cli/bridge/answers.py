"""What the bridge itself answers, where the gateway does not: a tool's error that a model can act on, else an error."""

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
    "The gateway went away while this ran, and what became of it is unknown: it may still run, or have had its effect. "
    "Look before you send it again (list_jobs, get_job, or a command that reads)."
)


def failure(request: JSONRPCRequest, text: str) -> JSONRPCResponse | JSONRPCError:
    """A result with `isError` for a tool call, an error for any other request."""
    if request.method != call.CALL_TOOL:
        return JSONRPCError(jsonrpc="2.0", id=request.id, error=ErrorData(code=CONNECTION_CLOSED, message=text))
    result: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": True}
    if call.version_of(request) is not None:
        result["resultType"] = "complete"
    return JSONRPCResponse(jsonrpc="2.0", id=request.id, result=result)


def unreadable(problem: Exception) -> JSONRPCError:
    """For a line that is no JSON-RPC message; its id is unknown (JSON-RPC 2.0, section 5)."""
    kinds = {error["type"] for error in problem.errors()} if isinstance(problem, ValidationError) else set()
    is_json = bool(kinds) and "json_invalid" not in kinds
    code, text = (INVALID_REQUEST, "Invalid request") if is_json else (PARSE_ERROR, "Parse error")
    return JSONRPCError(jsonrpc="2.0", id=None, error=ErrorData(code=code, message=text))


def refusal(status: int, body: bytes) -> str:
    """What an HTTP answer that is no JSON-RPC says: the detail of a problem (RFC 9457), else its status."""
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The gateway answered with HTTP status {status}."
