"""Answers that the bridge gives when the gateway gives none: an error result for a tool call, else a JSON-RPC error."""

import json
from collections.abc import Container, Mapping
from typing import Any

from mcp_types import (
    CONNECTION_CLOSED,
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
)
from pydantic import ValidationError

from cli.bridge import call
from shared.errors import ErrorCode

UNREACHED = (
    "No gateway answers, and nothing was run: start one with `mcp-k8s up`, or name another with the bridge's --url."
)
SILENT = "no gateway answers yet"
NO_KUBECONFIG = (
    "This command needs a cluster, and the bridge has found no kubeconfig: start the bridge (mcp-k8s mcp-stdio) with "
    "--kubeconfig FILE, set KUBECONFIG in its environment, or put your kubeconfig into ~/.kube/config."
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


def unanswered(methods: Mapping[RequestId, str], forwarded: Container[RequestId]) -> str:
    """Describes requests that ended without an answer, by id, and what became of those that were forwarded."""
    named = ", ".join(f"{method} (id {json.dumps(request_id)})" for request_id, method in methods.items())
    may_have_run = any(method in call.CHANGING and each in forwarded for each, method in methods.items())
    effect = "; a command may still run, or may have taken effect" if may_have_run else "; no command was run"
    return f"not answered: {named}{effect}"


def naming_own_options(answer: JSONRPCMessage) -> JSONRPCMessage:
    """Replaces the gateway's advice for a call without a kubeconfig, because the bridge's user sends no headers."""
    if not isinstance(answer, JSONRPCResponse) or not answer.result.get("isError"):
        return answer
    try:
        [content] = answer.result["content"]
        problem = json.loads(content["text"])
        is_missing = str(problem["type"]).endswith(ErrorCode.KUBECONFIG_REQUIRED)
    except (ValueError, KeyError, TypeError):
        return answer
    if not is_missing:
        return answer
    text = json.dumps({**problem, "detail": NO_KUBECONFIG})
    return answer.model_copy(update={"result": {**answer.result, "content": [{**content, "text": text}]}})


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
