"""How the server says no: the errors that become a `Status` object."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from tests.support.api_server.resources import ResourceType

USER = "tester"


class ApiError(Exception):
    """Ends a request with a Status. `reason` is the API's own word, which clients decide by."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message


def not_found(resource: ResourceType, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{resource.qualified_plural} "{name}" not found')


def already_exists(resource: ResourceType, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f'{resource.qualified_plural} "{name}" already exists')


def conflict(resource: ResourceType, name: str) -> ApiError:
    return ApiError(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {resource.qualified_plural} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again",
    )


def forbidden(resource: ResourceType, verb: str, namespace: str) -> ApiError:
    return ApiError(
        403,
        "Forbidden",
        f'{resource.qualified_plural} is forbidden: User "{USER}" cannot {verb} resource "{resource.plural}" '
        f'in API group "{resource.group}" in the namespace "{namespace}"',
    )


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def unsupported_media_type(content_type: str) -> ApiError:
    return ApiError(415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {content_type}")


def no_such_resource() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource")


UNAUTHORIZED = ApiError(401, "Unauthorized", "Unauthorized")
NOT_SUPPORTED = ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
CLIENT_LEFT = ApiError(499, "ClientClosedRequest", "the client left before its request was done")
NO_INITIAL_EVENTS = ApiError(422, "Invalid", "sendInitialEvents is not supported: list first, then watch")


def success(details: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def failure(error: ApiError) -> JSONResponse:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": error.message,
        "reason": error.reason,
        "code": error.code,
    }
    return JSONResponse(status, status_code=error.code)


async def answer_error(_: Request, error: Exception) -> JSONResponse:
    """For Starlette: our own errors, and its own where no route or method fits."""
    if isinstance(error, ApiError):
        return failure(error)
    if isinstance(error, HTTPException) and error.status_code == NOT_SUPPORTED.code:
        return failure(NOT_SUPPORTED)
    return failure(no_such_resource())
