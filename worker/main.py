"""Starts a worker process and wires its parts."""

import asyncio
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
import uvloop
from arq.connections import ArqRedis
from opentelemetry.trace import Tracer

from shared import logs
from shared.command import filters
from shared.models import Lane
from shared.network import destinations
from shared.network.endpoints import Endpoint
from shared.redis import redis_connection, supported
from shared.redis.redis_health import ServerCheck
from shared.redis.replicas import Replicas
from shared.redis.sentinel_watch import SentinelWatch
from shared.redis.supported import UnsupportedServerError
from shared.restart_on_failure import restarted
from shared.sealing import key_file, process_hardening
from shared.sealing.fernet_keys import MasterKeys
from shared.settings import BAD_SETTINGS_EXIT_CODE, SandboxMode, SettingsError, WorkerSettings
from shared.store.job_store import JobStore
from shared.store.key_mark import KeyMark
from shared.store.sweeper import Sweeper
from shared.store.workers import WorkerRegistry
from shared.tools import registry
from shared.tracing import spans
from worker import app, loopback
from worker.announcer import Announcer
from worker.app import WorkerApp
from worker.door.client.client import Door
from worker.egress import own_services, resolver
from worker.egress.dialer import Dialer
from worker.egress.own_services import OwnServices
from worker.egress.policy import EgressPolicy
from worker.egress.proxy import EgressProxy
from worker.job_runner import JobRunner, RunnerSettings
from worker.job_ways import WayOpener
from worker.lane import LaneWorker
from worker.launcher.client import Launcher
from worker.leases import LeaseKeeper
from worker.machine import containment, filter_binaries, tool_binaries, versions, work_directories
from worker.machine.containment import Containment
from worker.machine.filter_binaries import FilterBinary
from worker.machine.tool_binaries import ToolBinary
from worker.observer.observatory import Observatory
from worker.output.recorder import OutputLimits
from worker.probes.health import WorkerHealth
from worker.probes.probe_server import Listener
from worker.run import command_plan
from worker.run.command_plan import PlanSettings

FAILED_EXIT_CODE = 1

log = structlog.get_logger()


class WorkerStartError(Exception):
    """This machine cannot run a worker. The text tells the operator what to do."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The programs, the ways to the network and the sandbox with which commands run on this machine."""

    launcher: Launcher
    binaries: dict[str, ToolBinary]
    versions: dict[str, str]
    filters: Mapping[str, FilterBinary]
    ways: WayOpener
    containment: Containment


@dataclass(frozen=True, slots=True)
class Connections:
    """The Redis connections for jobs and for timely renewals, and the connection to the trace collector, if any."""

    jobs: ArqRedis
    leases: ArqRedis
    replicas: Replicas
    tracer: Tracer


def main() -> None:
    """Runs a worker until SIGTERM or SIGINT; a second signal ends running jobs at once."""
    try:
        settings = WorkerSettings.load()
        logs.configure(settings.log_level)
        process_hardening.forbid_dumps()
        death = uvloop.run(serve(settings))
    except SettingsError as error:
        print(error, file=sys.stderr)
        sys.exit(BAD_SETTINGS_EXIT_CODE)
    except WorkerStartError as error:
        print(error, file=sys.stderr)
        sys.exit(FAILED_EXIT_CODE)
    if death is not None:
        print(f"{death}, so the worker ended too", file=sys.stderr)
        sys.exit(FAILED_EXIT_CODE)


async def serve(settings: WorkerSettings) -> str | None:
    """Runs a worker until it is told to stop. If it ended because a helper process died, returns which and how.

    Raises UnsupportedServerError or WorkerStartError.
    """
    await supported.require(settings.redis_address())
    async with spans.running(settings, service="mcp-k8s-worker") as tracer:
        return await _served(settings, tracer)


async def _served(settings: WorkerSettings, tracer: Tracer) -> str | None:
    stop, hurry = _signals()
    contained = _contained(settings.sandbox)
    with _work_directory(settings.work_directory) as work_directory:
        watch = SentinelWatch(settings.redis_address())
        # Bound before the launcher forks, so that no command can take their ports.
        listeners = loopback.listener(), loopback.listener()
        dialer = _dialer(settings, watch, listeners=listeners)
        fetching = dialer.with_loopback(settings.allow_loopback_fetches)
        async with _launcher(work_directory) as launcher, _ways(settings, (dialer, fetching), listeners) as ways:
            plan = _plan_settings(settings, contained, dialer)
            binaries = _binaries(settings.tools_directory)
            found = await versions.ask_all(
                binaries.values(), launcher=launcher, work_directory=work_directory, settings=plan
            )
            if not found:
                raise WorkerStartError("no usable CLI on this machine; run `mcp-k8s doctor` to see what to install")
            launcher.equip({name: command_plan.outfit(binaries[name], work_directory, plan) for name in found})
            runner_settings = RunnerSettings(
                plan=plan,
                output=OutputLimits(settings.max_output, settings.stored_output_bytes),
                kill_grace_s=settings.kill_grace_s,
                work_directory=work_directory,
                local_output_bytes=settings.local_output_bytes,
            )
            text_filters = _filters(settings.tools_directory, sandboxed=plan.sandboxed)
            machine = Machine(launcher, {name: binaries[name] for name in found}, found, text_filters, ways, contained)
            async with _connected(settings, watch, tracer) as connections:
                worker = _assemble(settings, runner_settings, connections, machine=machine)
                async with _listening(settings, WorkerHealth(worker, machine.versions, str(contained))):
                    log.info("worker started", tools=found, filters=list(text_filters), sandbox=str(contained))
                    death = await _run(worker, ServerCheck(connections.jobs), watch, stop=stop, hurry=hurry)
    log.info("worker stopped", healthy=death is None)
    return death


async def _run(
    worker: WorkerApp, check: ServerCheck, watch: SentinelWatch, *, stop: asyncio.Event, hurry: asyncio.Event
) -> str | None:
    """Raises UnsupportedServerError if the server, reached at last, cannot be used."""
    try:
        async with asyncio.TaskGroup() as group:
            background = [
                group.create_task(_checked(check), name="check redis"),
                group.create_task(restarted(watch.run, "watch sentinel"), name="watch sentinel"),
            ]
            death = await worker.run(stop, hurry)
            for task in background:
                task.cancel()
    except* UnsupportedServerError as errors:
        raise errors.exceptions[0] from None
    return death


async def _checked(check: ServerCheck) -> None:
    await restarted(check.run, "check redis")
    if check.refusal is not None:
        raise UnsupportedServerError(check.refusal)


def _assemble(
    settings: WorkerSettings, runner_settings: RunnerSettings, connections: Connections, *, machine: Machine
) -> WorkerApp:
    worker_id = f"{socket.gethostname()}-{secrets.token_hex(4)}"
    store, master_keys = JobStore(connections.jobs, connections.replicas), settings.load_master_keys()
    leases = LeaseKeeper(JobStore(connections.leases), connections.jobs, worker_id)
    runner = _runner(
        runner_settings, connections.tracer, store, leases=leases, master_keys=master_keys, machine=machine
    )
    slots = {Lane.FAST: settings.fast_slots, Lane.SLOW: settings.slow_slots}
    sandbox = str(machine.containment)
    describe = partial(
        app.describe, leases, worker_id=worker_id, versions=machine.versions, slots=slots, sandbox=sandbox
    )
    return WorkerApp(
        lanes={
            lane: LaneWorker(
                lane,
                pool=connections.jobs,
                store=store,
                leases=leases,
                tools=machine.binaries,
                slots=count,
                run_claim=runner.run,
            )
            for lane, count in slots.items()
        },
        leases=leases,
        announcer=Announcer(WorkerRegistry(connections.leases), describe, KeyMark(connections.leases, master_keys)),
        sweeper=Sweeper(store),
        launcher=machine.launcher,
        door=machine.ways.door,
        drain_timeout_s=settings.drain_timeout_s,
        kill_grace_s=settings.kill_grace_s,
        follow_keys=partial(key_file.follow, settings, master_keys),
    )


def _runner(
    settings: RunnerSettings,
    tracer: Tracer,
    store: JobStore,
    *,
    leases: LeaseKeeper,
    master_keys: MasterKeys,
    machine: Machine,
) -> JobRunner:
    return JobRunner(
        store=store,
        master_keys=master_keys,
        leases=leases,
        launcher=machine.launcher,
        binaries=machine.binaries,
        filters=machine.filters,
        ways=machine.ways,
        observatory=Observatory(),
        settings=settings,
        tracer=tracer,
    )


@asynccontextmanager
async def _listening(settings: WorkerSettings, health: WorkerHealth) -> AsyncIterator[None]:
    """Serves health and metrics until the worker has ended, so that both are available during the drain."""
    if not settings.metrics_port:
        yield
        return
    listener = Listener(health.measure, health.readiness)
    async with AsyncExitStack() as listening:
        try:
            await listening.enter_async_context(listener.running(settings.metrics_host, settings.metrics_port))
        except OSError as error:
            place = f"{settings.metrics_host}:{settings.metrics_port}"
            raise WorkerStartError(f"cannot listen on K8S_MCP_METRICS_PORT, {place}: {_reason(error)}") from error
        yield


def _reason(error: OSError) -> str:
    """Returns the system's message, without the text that asyncio adds."""
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else str(error)


def _signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Returns the events `stop`, which the first signal sets, and `hurry`, which the second one sets."""
    stop, hurry = asyncio.Event(), asyncio.Event()

    def handle() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, handle)
    return stop, hurry


def _contained(mode: SandboxMode) -> Containment:
    """Returns the containment of this machine. Raises WorkerStartError if the settings demand a missing sandbox."""
    found = containment.of_this_machine()
    if not found.is_sandbox:
        if mode is SandboxMode.REQUIRE:
            raise WorkerStartError(
                f"{containment.NO_LANDLOCK}; start with K8S_MCP_SANDBOX=prefer to run commands without a sandbox"
            )
        log.warning("commands run WITHOUT a sandbox: this kernel has no Landlock")
    return found


def _binaries(directory: Path | None) -> dict[str, ToolBinary]:
    found, missing = tool_binaries.find_all(registry.tools(), directory)
    for tool in missing:
        log.warning("tool missing", tool=tool.name, reason=tool.reason, searched="K8S_MCP_TOOLS_DIRECTORY, PATH")
    return found


def _filters(directory: Path | None, *, sandboxed: bool) -> Mapping[str, FilterBinary]:
    found, missing = filter_binaries.find_all(filters.FILTERS, directory, sandboxed=sandboxed)
    for each in missing:
        log.warning("filter missing", filter=each.name, reason=each.reason)
    return found


@contextmanager
def _work_directory(parent: Path | None) -> Iterator[Path]:
    with ExitStack() as stack:
        try:
            path = stack.enter_context(work_directories.create(parent))
        except OSError as error:
            where = parent or "the system's temporary folder"
            raise WorkerStartError(
                f"cannot create a directory in {where} ({error.strerror}); set K8S_MCP_WORK_DIRECTORY to another folder"
            ) from error
        yield path


@asynccontextmanager
async def _launcher(work_directory: Path) -> AsyncIterator[Launcher]:
    launcher = await Launcher.start(work_directory)
    try:
        yield launcher
    finally:
        await launcher.close()


@asynccontextmanager
async def _ways(
    settings: WorkerSettings, dialers: tuple[Dialer, Dialer], listeners: tuple[socket.socket, socket.socket]
) -> AsyncIterator[WayOpener]:
    """Runs the door and the proxy with these dialers on these listeners."""
    (doorway, exit_way), (of_door, of_proxy) = listeners, dialers
    door = await Door.start(doorway, of_door)
    try:
        async with EgressProxy.running(of_proxy, exit_way) as proxy:
            yield WayOpener(proxy, door, logs_requests=settings.observe_requests)
    finally:
        await door.close()


def _plan_settings(settings: WorkerSettings, contained: Containment, dialer: Dialer) -> PlanSettings:
    return PlanSettings(
        sandboxed=contained.is_sandbox,
        allow_loopback_fetches=settings.allow_loopback_fetches,
        job_file_bytes=settings.job_file_bytes,
        go_memory_limit=settings.go_memory_limit,
        job_memory_bytes=settings.job_memory_bytes,
        own_ports=dialer.policy.own.ports,
    )


def _dialer(settings: WorkerSettings, watch: SentinelWatch, *, listeners: Sequence[socket.socket]) -> Dialer:
    metrics = (Endpoint(settings.metrics_host, settings.metrics_port),) if settings.metrics_port else ()
    places = (
        *own_services.places(settings.redis_address(), settings.own_services),
        *own_services.collector(settings.traces_endpoint),
        *metrics,
        *(Endpoint(*listener.getsockname()) for listener in listeners),
    )
    policy = EgressPolicy(
        allow=destinations.parse(settings.egress_allow),
        deny=destinations.parse(settings.egress_deny),
        allow_loopback=settings.allow_loopback,
        own=OwnServices(places, resolver.resolve, watch),
    )
    return Dialer(policy, settings.egress_proxy.get_secret_value() or None)


@asynccontextmanager
async def _connected(settings: WorkerSettings, watch: SentinelWatch, tracer: Tracer) -> AsyncIterator[Connections]:
    async with (
        _redis(settings, redis_connection.SOCKET_TIMEOUT_S) as redis,
        _redis(settings, redis_connection.LEASE_TIMEOUT_S) as lease_redis,
    ):
        watch.watch_over(redis.connection_pool, lease_redis.connection_pool)
        yield Connections(redis, lease_redis, Replicas(lambda: watch.replicas), tracer)


@asynccontextmanager
async def _redis(settings: WorkerSettings, timeout_s: float) -> AsyncIterator[ArqRedis]:
    redis = ArqRedis(redis_connection.worker_pool(settings.redis_address(), timeout_s=timeout_s))
    try:
        yield redis
    finally:
        await redis.aclose(close_connection_pool=True)


if __name__ == "__main__":
    main()
