"""Writes one log line and one measurement per request. Of the caller's input they contain only method and route."""

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import metrics

UNROUTED = "none"
NO_ANSWER = 500
"""Status of a request until its answer starts: an unexpected error is answered outside all middleware, with 500."""
ROUTES_WITHOUT_FASTAPI = frozenset({"/mcp"})
"""Paths of mounted apps: only FastAPI's own routes leave their template in the scope."""
QUIET_ROUTES = frozenset({"/livez", "/readyz", "/health", "/metrics"})
"""Routes of probes and metric scrapes. Their requests are counted but not logged."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ANY_METHOD = "any"

log = structlog.get_logger()


class Telemetry:
    """ASGI middleware outside the checks of host and size, so that refusals are measured too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = NO_ANSWER

        async def watch_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.monotonic()
        try:
            await self._app(scope, receive, watch_status)
        finally:
            _record(scope, status, time.monotonic() - started)


def route_of(scope: Scope) -> str:
    """Returns the template of the request's route, one of a fixed set. It is known after the request is answered."""
    route: str | None = getattr(scope.get("route"), "path", None)
    if route is None:
        route = scope["path"] if scope["path"] in ROUTES_WITHOUT_FASTAPI else UNROUTED
    return route


def _record(scope: Scope, status: int, seconds: float) -> None:
    route = route_of(scope)
    method = scope["method"] if route != UNROUTED and scope["method"] in METHODS else ANY_METHOD
    metrics.HTTP_REQUESTS.labels(method=method, route=route, status=str(status)).inc()
    metrics.HTTP_SECONDS.labels(method=method, route=route).observe(seconds)
    if route not in QUIET_ROUTES:
        log.info("request finished", method=method, route=route, status=status, duration_ms=round(seconds * 1000, 1))
