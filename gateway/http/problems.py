"""Maps every error to an RFC 9457 problem: the table from error codes to HTTP statuses, and the handlers."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from gateway.jobs.delivery import ClientGoneError
from shared import metrics
from shared.errors import ErrorCode, ProductError, UnavailableError

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:mcp-k8s:problem:"
CLIENT_CLOSED_REQUEST = 499
"""nginx's status for a request whose client disconnected. It appears only in logs and metrics."""

STATUS = {
    ErrorCode.REQUEST_INVALID: 422,
    ErrorCode.COMMAND_EMPTY: 400,
    ErrorCode.COMMAND_TOO_LONG: 400,
    ErrorCode.COMMAND_CHARACTERS: 400,
    ErrorCode.COMMAND_QUOTES: 400,
    ErrorCode.COMMAND_SHELL_SYNTAX: 400,
    ErrorCode.COMMAND_PIPELINE: 400,
    ErrorCode.COMMAND_REFUSED: 400,
    ErrorCode.FLAG_REFUSED: 400,
    ErrorCode.FLAG_AMBIGUOUS: 400,
    ErrorCode.FLAG_UNKNOWN: 400,
    ErrorCode.VERB_UNKNOWN: 400,
    ErrorCode.NAMESPACE_CONFLICT: 400,
    ErrorCode.CONTEXT_CONFLICT: 400,
    ErrorCode.CONTEXT_UNKNOWN: 400,
    ErrorCode.FILES_INVALID: 400,
    ErrorCode.KUBECONFIG_REQUIRED: 400,
    ErrorCode.KUBECONFIG_ENCODING: 400,
    ErrorCode.KUBECONFIG_INVALID: 400,
    ErrorCode.KUBECONFIG_FIELD_REFUSED: 400,
    ErrorCode.IDEMPOTENCY_KEY_INVALID: 400,
    ErrorCode.IDEMPOTENCY_CONFLICT: 422,
    ErrorCode.CREDENTIALS_INVALID: 400,
    ErrorCode.TOOL_UNKNOWN: 404,
    ErrorCode.JOB_UNKNOWN: 404,
    ErrorCode.JOB_GONE: 410,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.BODY_TIMEOUT: 408,
    ErrorCode.BODY_TOO_LARGE: 413,
    ErrorCode.HEADERS_TOO_LARGE: 431,
    ErrorCode.HOST_REFUSED: 403,
    ErrorCode.ORIGIN_REFUSED: 403,
    ErrorCode.POLICY_DENIED: 403,
    ErrorCode.LISTING_OFF: 403,
    ErrorCode.RELEASE_BUSY: 409,
    ErrorCode.QUEUE_FULL: 429,
    ErrorCode.OUTPUT_FULL: 429,
    ErrorCode.TOO_MANY_JOBS: 429,
    ErrorCode.NO_WORKER: 503,
    ErrorCode.GATEWAY_BUSY: 503,
    ErrorCode.STORE_UNAVAILABLE: 503,
    ErrorCode.SHUTTING_DOWN: 503,
    ErrorCode.INTERNAL: 500,
}

log = structlog.get_logger()


class Problem(BaseModel):
    """An error as clients read it (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    job_id: str | None = None
    errors: list[dict[str, Any]] | None = None


def of(error: ProductError) -> Problem:
    """Returns the problem that describes an error."""
    return Problem(
        type=TYPE_PREFIX + error.code,
        title=error.code.replace("-", " "),
        status=STATUS[error.code],
        detail=error.detail,
        job_id=error.job_id if isinstance(error, UnavailableError) else None,
    )


def response(error: ProductError) -> JSONResponse:
    """Returns the answer to a request that ends with an error, and counts it."""
    metrics.REFUSALS.labels(code=error.code).inc()
    return _answer(of(error), retry_after_s=error.retry_after_s if isinstance(error, UnavailableError) else None)


def install(app: FastAPI) -> None:
    """Installs the handlers that turn every error of the app into a problem."""
    app.exception_handler(ProductError)(_product_error)
    app.exception_handler(ClientGoneError)(_client_gone)
    app.exception_handler(RequestValidationError)(_validation_error)
    app.exception_handler(HTTPException)(_http_error)
    app.exception_handler(Exception)(_unknown_error)


def unexpected(error: Exception) -> ProductError:
    """Logs an unexpected error. The caller gets a reference to the log entry, never the error's text."""
    reference = secrets.token_hex(4)
    log.error("unexpected error", reference=reference, exc_info=error)
    return ProductError(ErrorCode.INTERNAL, f"Internal error. The gateway's log explains it: reference {reference}.")


async def _product_error(_: Request, error: ProductError) -> JSONResponse:
    return response(error)


async def _client_gone(_: Request, __: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def _validation_error(request: Request, error: RequestValidationError) -> JSONResponse:
    metrics.REFUSALS.labels(code=ErrorCode.REQUEST_INVALID).inc()
    found = error.errors()
    detail = _whole_body(request, found) or "The request does not match its schema; see `errors`."
    errors = [{"field": ".".join(map(str, each["loc"][1:])), "message": each["msg"]} for each in found]
    problem = of(ProductError(ErrorCode.REQUEST_INVALID, detail))
    return _answer(problem.model_copy(update={"errors": errors}))


def _whole_body(request: Request, errors: Sequence[Mapping[str, Any]]) -> str | None:
    """Returns the error of a body that could not be read as JSON; None if it is another error."""
    if any(each["type"] == "json_invalid" for each in errors):
        return "The body is not valid JSON."
    if any(each["loc"] == ("body",) for each in errors) and "json" not in request.headers.get("content-type", ""):
        return "The body was not read as JSON: send it with the header `Content-Type: application/json`."
    return None


async def _http_error(_: Request, error: HTTPException) -> JSONResponse:
    codes = {404: ErrorCode.NOT_FOUND, 405: ErrorCode.METHOD_NOT_ALLOWED}
    code = codes.get(error.status_code, ErrorCode.REQUEST_INVALID)
    metrics.REFUSALS.labels(code=code).inc()
    problem = of(ProductError(code, f"{error.detail}; the API's description is at /docs."))
    return _answer(problem.model_copy(update={"status": error.status_code}), headers=dict(error.headers or {}))


async def _unknown_error(_: Request, error: Exception) -> JSONResponse:
    return response(unexpected(error))


def _answer(
    problem: Problem, *, retry_after_s: int | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    answer = JSONResponse(
        problem.model_dump(exclude_none=True), status_code=problem.status, media_type=CONTENT_TYPE, headers=headers
    )
    if retry_after_s is not None:
        answer.headers["Retry-After"] = str(retry_after_s)
    return answer
