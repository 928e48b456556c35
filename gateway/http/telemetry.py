"""One log line and one measurement per request; neither holds anything that a caller sent but method and route."""

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import metrics

UNROUTED = "none"
NO_ANSWER = 500
"""Until an answer starts: an error that reaches the server is answered outside of every middleware."""
ROUTES_WITHOUT_FASTAPI = frozenset({"/mcp"})
"""Only FastAPI's own routes leave their template in the scope."""
QUIET_ROUTES = frozenset({"/livez", "/readyz", "/health", "/metrics"})
"""Probes and scrapes: counted, not logged."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ANY_METHOD = "any"

log = structlog.get_logger()


class Telemetry:
    """ASGI middleware, the outermost one: it sees refusals too."""

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
    """The template of the route that took the request, from a closed set; known when it has been answered."""
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
