"""The gateway's ASGI app: `uvicorn gateway.app:app`. Settings are read when its lifespan starts, not at import."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from types import FrameType

import structlog
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from opentelemetry.trace import Tracer
from redis.asyncio import Redis

import shared
from gateway.background import Background
from gateway.http import problems
from gateway.http.fleet_metrics import FleetGauges
from gateway.http.hosts import HostCheck
from gateway.http.request_limits import RequestLimits
from gateway.http.request_spans import RequestTracing
from gateway.http.telemetry import Telemetry
from gateway.intake.default_kubeconfig import DefaultKubeconfig
from gateway.intake.preparation import Preparation
from gateway.jobs.event_stream import EventStream
from gateway.jobs.job_lists import JobLists
from gateway.jobs.output_pages import OutputPages
from gateway.jobs.responses import ResponseReader
from gateway.jobs.service import JobService
from gateway.jobs.submitter import SUBMITS_AT_ONCE, Submitter
from gateway.jobs.unserved import UnservedJobs
from gateway.jobs.waiters import JobWaiters
from gateway.mcp.server import McpServer
from gateway.policy.active import ActivePolicy
from gateway.routes import docs, health, jobs, streams, tools
from shared import logs
from shared.redis import redis_connection, redis_health
from shared.restart_on_failure import restarted
from shared.sealing import key_file, process_hardening
from shared.settings import GatewaySettings
from shared.store.job_index import JobIndex
from shared.store.job_store import JobStore
from shared.store.key_mark import KeyMark
from shared.store.sweeper import Sweeper
from shared.store.workers import WorkerRegistry
from shared.tools import registry
from shared.tracing import spans

DESCRIPTION = f"Runs {registry.listed('and')} on the cluster of the kubeconfig that comes with each request."
NO_TELEMETRY_OF_FASTAPI: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""It exports the texts of errors, which may repeat what a caller sent."""

log = structlog.get_logger()


def create_app(settings: GatewaySettings | None = None) -> FastAPI:
    """The app; without settings it reads them from the environment at its start."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        read = settings or GatewaySettings.load()
        logs.configure(read.log_level)
        process_hardening.forbid_dumps()
        async with spans.running(read, service="mcp-k8s-gateway") as tracer:
            app.state.tracer = tracer
            async with _serving(app, read, tracer):
                yield

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
    app.state.mcp = McpServer(app)
    # Last added is outermost: everything is measured, and a foreign page learns nothing but its refusal.
    app.add_middleware(RequestLimits)
    app.add_middleware(HostCheck)
    app.add_middleware(Telemetry)
    app.add_middleware(RequestTracing)
    return app


@asynccontextmanager
async def _serving(app: FastAPI, settings: GatewaySettings, tracer: Tracer) -> AsyncIterator[None]:
    url = settings.redis_url.get_secret_value()
    async with _redis(url) as redis, _redis(url, max_connections=SUBMITS_AT_ONCE) as submitting_redis:
        store = JobStore(redis)
        workers = WorkerRegistry(redis)
        sweeper = Sweeper(store)
        waiters = JobWaiters(store, redis, UnservedJobs(store, workers, lambda: sweeper.in_contact))
        app.state.settings = settings
        app.state.workers = workers
        app.state.fleet_gauges = FleetGauges(redis, workers)
        app.state.job_lists = JobLists(JobIndex(redis), settings)
        app.state.active_policy = policy = ActivePolicy(settings)
        app.state.preparation = Preparation(settings, DefaultKubeconfig(settings).text, policy.policy)
        submitter = Submitter(JobStore(submitting_redis), queue_limit=settings.queue_limit)
        with _on_stop_signal(waiters.release), policy.listening():
            background = Background()
            async with asyncio.TaskGroup() as group:
                service = _job_service(
                    settings, store, submitter, waiters=waiters, background=background, tracer=tracer
                )
                app.state.jobs = service
                app.state.key_mark = key_mark = KeyMark(redis, service.master_keys)
                app.state.event_stream = EventStream(store, waiters, service.responses)
                app.state.output_pages = OutputPages(store, service.responses)
                looping = [
                    group.create_task(waiters.run(), name="waiters"),
                    group.create_task(policy.run(), name="reload the policy"),
                    group.create_task(restarted(sweeper.run, "sweep"), name="sweep"),
                    group.create_task(restarted(partial(redis_health.warn, redis), "check redis"), name="check redis"),
                    group.create_task(key_file.follow(settings, service.master_keys), name="master keys"),
                    group.create_task(restarted(key_mark.run, "key mark"), name="key mark"),
                ]
                async with app.state.mcp.running():
                    log.info("gateway started", version=shared.__version__)
                    yield
                await background.close()
                for task in looping:
                    task.cancel()
    log.info("gateway stopped")


@asynccontextmanager
async def _redis(url: str, **options: int) -> AsyncIterator[Redis]:
    redis = redis_connection.gateway_client(url, **options)
    try:
        yield redis
    finally:
        await redis.aclose()


def _job_service(
    settings: GatewaySettings,
    store: JobStore,
    submitter: Submitter,
    *,
    waiters: JobWaiters,
    background: Background,
    tracer: Tracer,
) -> JobService:
    master_keys = settings.load_master_keys()
    return JobService(
        store=store,
        submitter=submitter,
        waiters=waiters,
        master_keys=master_keys,
        responses=ResponseReader(store, master_keys, settings.max_output),
        settings=settings,
        background=background,
        tracer=tracer,
    )


@contextmanager
def _on_stop_signal(release: Callable[[], None]) -> Iterator[None]:
    """Calls `release` as soon as a signal to stop arrives; the server's own handler runs as well.

    The lifespan ends only after all requests have, and waiting requests end only when they are released.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
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


app = create_app()
