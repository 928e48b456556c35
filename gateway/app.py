"""The gateway's ASGI app: `uvicorn gateway.app:app`. Settings are read when its lifespan starts, not at import."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType

import structlog
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from sse_starlette.sse import AppStatus

import shared
from gateway import parts
from gateway.http import problems
from gateway.http.hosts import HostCheck
from gateway.http.request_limits import RequestLimits
from gateway.http.request_spans import RequestTracing
from gateway.http.telemetry import Telemetry
from gateway.mcp.server import McpServer
from gateway.routes import docs, health, jobs, streams, tools
from shared import logs
from shared.sealing import process_hardening
from shared.settings import GatewaySettings
from shared.tools import registry
from shared.tracing import spans

DESCRIPTION = f"Runs {registry.listed('and')} on the cluster of the kubeconfig that comes with each request."
NO_TELEMETRY_OF_FASTAPI: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""FastAPI's own telemetry is off: it exports the texts of errors, which may repeat a caller's input."""

log = structlog.get_logger()


def create_app(settings: GatewaySettings | None = None) -> FastAPI:
    """Returns the app. Without `settings`, the app reads them from the environment when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        read = settings or GatewaySettings.load()
        logs.configure(read.log_level)
        process_hardening.forbid_dumps()
        async with spans.running(read, service="mcp-k8s-gateway") as tracer, parts.running(read, tracer) as built:
            app.state.parts = built
            with _on_stop_signal(built.jobs.waiters.release):
                async with mcp_server.running(built):
                    log.info("gateway started", version=shared.__version__)
                    yield
        log.info("gateway stopped")

    app = FastAPI(
        title="mcp-k8s",
        version=shared.__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        telemetry=NO_TELEMETRY_OF_FASTAPI,
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    app.include_router(tools.router())
    app.include_router(jobs.router)
    app.include_router(streams.router)
    app.include_router(health.router)
    docs.install(app)
    mcp_server = McpServer(app)
    # The middleware added last is the outermost: it measures refusals too. The host check comes before any reading.
    app.add_middleware(RequestLimits)
    app.add_middleware(HostCheck)
    app.add_middleware(Telemetry)
    app.add_middleware(RequestTracing)
    return app


@contextmanager
def _on_stop_signal(release: Callable[[], None]) -> Iterator[None]:
    """Calls `release` as soon as SIGTERM or SIGINT arrives. The server's own handler runs as well.

    The lifespan ends only after all requests have ended, and waiting requests end only when they are released. Streams
    end by themselves then: sse-starlette's automatic drain would cut them before their last event.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    drains = AppStatus.enable_automatic_graceful_drain
    AppStatus.enable_automatic_graceful_drain = False
    loop = asyncio.get_running_loop()
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(release)
        handler = previous[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in previous:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        AppStatus.enable_automatic_graceful_drain = drains


app = create_app()
