"""`kubectl auth can-i` and `kubectl auth whoami` for one user, who has all permissions except in one namespace."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.api_server import bodies, statuses
from tests.support.api_server.objects import FORBIDDEN_NAMESPACE
from tests.support.api_server.resources import ACCESS_REVIEWS, IDENTITY_REVIEWS, ResourceType


def routes() -> list[Route]:
    return [
        Route(_path(ACCESS_REVIEWS), _review_access, methods=["POST"]),
        Route(_path(IDENTITY_REVIEWS), _review_identity, methods=["POST"]),
    ]


def _path(resource: ResourceType) -> str:
    return f"/{resource.root}/{resource.plural}"


async def _review_access(request: Request) -> Response:
    review = await bodies.read(request)
    attributes = review.get("spec", {}).get("resourceAttributes") or {}
    is_allowed = attributes.get("namespace") != FORBIDDEN_NAMESPACE
    return JSONResponse({**review, "status": {"allowed": is_allowed}}, status_code=201)


async def _review_identity(request: Request) -> Response:
    review = await bodies.read(request)
    user = {"username": statuses.USER, "groups": ["system:authenticated"]}
    return JSONResponse({**review, "status": {"userInfo": user}}, status_code=201)
