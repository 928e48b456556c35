"""The ASGI application: authenticates a request and chooses the endpoint that answers it."""

import asyncio
from collections import Counter

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.api_server import discovery, resources, reviews, seed, statuses
from tests.support.api_server.control import PREFIX, Control
from tests.support.api_server.objects import Objects
from tests.support.api_server.resources import ResourceType
from tests.support.api_server.statuses import ApiError
from tests.support.api_server.store import Store
from tests.support.api_server.streams import Streams
from tests.support.api_server.traffic import Traffic
from tests.support.api_server.waiting import Stalls

OPEN_PATHS = frozenset({"/livez", "/readyz", "/healthz"})
COLLECTION_METHODS = ["GET", "POST"]
ITEM_METHODS = ["GET", "PUT", "PATCH", "DELETE"]


class Gate:
    """Counts and keeps each request, checks its token, and lets it wait for the artificial latency.

    Behind a dot a token may go on: that is another caller, with the same rights.
    """

    def __init__(self, app: ASGIApp, *, token: str, latency_s: float, requests: Counter[str], traffic: Traffic) -> None:
        self._app = app
        self._credentials = f"Bearer {token}"
        self._latency_s = latency_s
        self._requests = requests
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not scope["path"].startswith(PREFIX):
            self._requests[f"{scope['method']} {scope['path']}"] += 1
            receive = self._traffic.recording(scope, receive)
            await asyncio.sleep(self._latency_s)
        app = self._app if self._may_enter(scope) else statuses.failure(statuses.UNAUTHORIZED)
        await app(scope, receive, send)

    def _may_enter(self, scope: Scope) -> bool:
        given = Headers(scope=scope).get("authorization", "")
        token, _, _ = given.removeprefix(self._credentials).partition(".")
        return scope["path"] in OPEN_PATHS or (given.startswith(self._credentials) and not token)


def create(*, token: str, latency_s: float) -> ASGIApp:
    """A server with the first objects in it."""
    store, stalls = Store(), Stalls()
    seed.plant(store)
    requests: Counter[str] = Counter()
    traffic = Traffic()
    app = Starlette(
        routes=[
            *[Route(path, _ok) for path in sorted(OPEN_PATHS)],
            *Control(stalls, requests, traffic).routes(),
            *Streams(store, stalls).routes(),
            *discovery.routes(),
            *reviews.routes(),
            *[
                route
                for resource in resources.STORED
                for route in _object_routes(resource, Objects(resource, store, stalls))
            ],
        ],
        exception_handlers={ApiError: statuses.answer_error, HTTPException: statuses.answer_error},
    )
    return Gate(app, token=token, latency_s=latency_s, requests=requests, traffic=traffic)


def _object_routes(resource: ResourceType, objects: Objects) -> list[Route]:
    everywhere = f"/{resource.root}/{resource.plural}"
    if not resource.is_namespaced:
        return [
            Route(everywhere, objects.collection, methods=COLLECTION_METHODS),
            Route(f"{everywhere}/{{name}}", objects.item, methods=ITEM_METHODS),
        ]
    inside = f"/{resource.root}/namespaces/{{namespace}}/{resource.plural}"
    return [
        Route(everywhere, objects.collection, methods=["GET"]),
        Route(inside, objects.collection, methods=COLLECTION_METHODS),
        Route(f"{inside}/{{name}}", objects.item, methods=ITEM_METHODS),
    ]


async def _ok(_: Request) -> Response:
    return PlainTextResponse("ok")
