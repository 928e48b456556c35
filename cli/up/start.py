"""Runs the gateway, the worker and the embedded Valkey from one terminal, and stops them in the order of dependency."""

import asyncio
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TextIO, TypeVar

import typer

import shared
from cli import gateway_probe, store_probe
from cli.errors import StartError
from cli.up import banner, environment, pair_locks
from cli.up.banner import BannerFacts
from cli.up.pair_locks import Sharing
from cli.up.plan import Plan, UpOptions, prepared
from cli.up.stop_signals import StopSignals
from cli.up.supervisor import Child, ChildSpec, Supervisor, any_set, supervising
from shared.sealing import process_hardening
from shared.tools import registry
from worker.launcher import landlock

POLL_INTERVAL_S = 0.1
OWN_STORE_START_S = 60.0
"""Seconds that the embedded Valkey may take to start: it reads its append-only file first."""
STORE_ANSWER_S = 5.0
GATEWAY_START_S = 60.0
WORKER_START_S = 90.0
"""Seconds that the worker may take to start: it asks each CLI for its version, for up to 30 s."""
PROMPT_END_S = 0.5
"""Seconds in which an idle worker ends. After that, the user is told which jobs `up` waits for."""
JOB_COUNT_S = 1.0
UNKNOWN_JOBS = "the worker and what it runs"
"""Used when the number of running jobs is not known, for example after an interrupted start."""
SHORTEST_LIFE_S = 3.0
"""Seconds that a worker must have run to be started again; this prevents an endless loop of crashes."""
STOP_MARGIN_S = 30.0
"""Seconds that a child gets beyond the time limits of its own settings."""
STORE_STOP_S = 30.0
HURRIED_STOP_S = 5.0

SECOND_SIGNAL = signal.SIGINT
"""Not SIGTERM again: the kernel may deliver two pending signals of the same kind as one."""

Answer = TypeVar("Answer")

__all__ = ["UpOptions", "run"]


async def run(options: UpOptions, variables: Mapping[str, str]) -> int:
    """Runs until a signal or a child's death. Returns the exit code. Raises `StartError`, `SettingsError`."""
    process_hardening.forbid_dumps()
    signals = StopSignals(reloads=bool(variables.get(environment.SECURITY_CONFIG)))
    signals.listen()
    async with (
        _sharing(options, signals) as sharing,
        prepared(options, variables) as plan,
        supervising() as supervisor,
        _renewing(plan),
    ):
        return await _Run(plan, supervisor, signals, sharing).until_stopped()


@asynccontextmanager
async def _sharing(options: UpOptions, signals: StopSignals) -> AsyncIterator[Sharing | None]:
    """Encloses everything else, so that its lock is released last."""
    if not options.is_for_bridges or options.state_directory is None:
        yield None
        return
    async with pair_locks.sharing(options.state_directory, signals.stop.set) as sharing:
        yield sharing


@asynccontextmanager
async def _renewing(plan: Plan) -> AsyncIterator[None]:
    if plan.renewal is None:
        yield
        return
    async with asyncio.TaskGroup() as group:
        task = group.create_task(plan.renewal.run(partial(_print, file=sys.stderr)), name="renew the kubeconfig")
        try:
            yield
        finally:
            task.cancel()


class _Run:
    def __init__(self, plan: Plan, supervisor: Supervisor, signals: StopSignals, sharing: Sharing | None) -> None:
        self._plan = plan
        self._sharing = sharing
        self._supervisor = supervisor
        self._signals = signals
        self._valkey: Child | None = None
        self._gateway: Child | None = None
        self._worker: Child | None = None
        self._worker_started_at_s = 0.0

    async def until_stopped(self) -> int:
        problem = await self._serve()
        _print("stopping" if problem is None else f"error: {problem}", file=sys.stderr)
        if problem is not None:
            self._signals.hurry.set()
        await self._end()
        return 0 if problem is None else 1

    async def _serve(self) -> str | None:
        """Returns what went wrong, or None after a signal to stop."""
        try:
            if await self._start():
                await self._watch()
        except StartError as error:
            return str(error)
        return self._supervisor.dead.explain() if self._supervisor.dead else None

    async def _start(self) -> bool:
        """Returns False if a signal or a child's death interrupted the start."""
        plan = self._plan
        if plan.valkey is not None:
            self._valkey = await self._launch(plan.valkey)
        if not await self._store_is_ready():
            return False
        self._gateway = await self._launch(plan.gateway)
        await self._launch_worker()
        if not await self._reach(partial(gateway_probe.is_ready, plan.address), GATEWAY_START_S, "the gateway"):
            return False
        versions = await self._reach(partial(gateway_probe.tools, plan.address), WORKER_START_S, "the worker")
        if not versions:
            return False
        _print(banner.render(_banner_facts(plan, versions)))
        if self._sharing is not None:
            self._sharing.announce(plan.address.url, self._is_busy)
        return True

    async def _is_busy(self) -> bool:
        """Returns True as well if Redis does not answer, because the number of jobs is then unknown."""
        return await store_probe.running_jobs(self._plan.redis_address) != 0

    async def _watch(self) -> None:
        """Returns after a signal to stop, or after the death of a child that must not be started again."""
        while not self._signals.stop.is_set():
            await any_set([self._signals.stop, self._signals.reload, self._supervisor.died])
            if self._signals.reload.is_set() and self._gateway is not None:
                self._signals.reload.clear()
                self._gateway.send(signal.SIGHUP)
                continue
            dead = self._supervisor.dead
            if dead is None or dead is not self._worker or self._worker_age_s() < SHORTEST_LIFE_S:
                return
            _print(f"{dead.explain()}\nstarting it again; of the jobs it left, only reads run again", file=sys.stderr)
            self._supervisor.forget(dead)
            await self._launch_worker()

    async def _launch_worker(self) -> None:
        self._worker = await self._launch(self._plan.worker)
        self._worker_started_at_s = asyncio.get_running_loop().time()

    def _worker_age_s(self) -> float:
        return asyncio.get_running_loop().time() - self._worker_started_at_s

    async def _store_is_ready(self) -> bool:
        address = self._plan.redis_address
        limit_s = STORE_ANSWER_S if self._plan.valkey is None else OWN_STORE_START_S
        return bool(await self._reach(partial(store_probe.is_ready, address), limit_s, f"Redis ({address.name})"))

    async def _launch(self, spec: ChildSpec) -> Child:
        try:
            return await self._supervisor.start(spec)
        except OSError as error:
            raise StartError(f"the {spec.name} cannot be started: {error.strerror}") from error

    async def _reach(self, ask: Callable[[], Awaitable[Answer]], limit_s: float, who: str) -> Answer | None:
        """Returns the first answer that is not empty, or None after a signal to stop or a child's death."""
        deadline = asyncio.get_running_loop().time() + limit_s
        while not (answer := await ask()):
            if await any_set([self._signals.stop, self._supervisor.died], timeout_s=POLL_INTERVAL_S):
                return None
            if asyncio.get_running_loop().time() > deadline:
                raise StartError(f"{who} does not answer within {limit_s:.0f} s")
        return answer

    async def _end(self) -> None:
        if self._worker is not None:
            await self._drain(self._worker)
        if self._gateway is not None:
            await self._stop(self._gateway, self._plan.gateway_settings.gateway_drain_timeout_s + STOP_MARGIN_S)
        if self._valkey is not None:
            await self._stop(self._valkey, STORE_STOP_S)

    async def _drain(self, worker: Child) -> None:
        """Lets running commands finish after the first signal. The second signal ends them."""
        settings, hurry = self._plan.worker_settings, self._signals.hurry
        jobs = await self._running_jobs()
        worker.stop()
        await any_set([worker.ended, hurry], timeout_s=PROMPT_END_S)
        if not worker.ended.is_set() and not hurry.is_set():
            _print(f"waiting for {jobs} to end; Ctrl-C again to end them now", file=sys.stderr)
            limit_s = settings.drain_timeout_s + settings.kill_grace_s + STOP_MARGIN_S
            await any_set([worker.ended, hurry, self._supervisor.died], timeout_s=limit_s)
        worker.stop(SECOND_SIGNAL)
        await self._kill_unless_ended(worker, settings.kill_grace_s + STOP_MARGIN_S)

    async def _running_jobs(self) -> str:
        """Describes the running jobs. Gives a number only if all jobs in Redis belong to this worker."""
        if self._plan.valkey is None or self._signals.hurry.is_set():
            return UNKNOWN_JOBS
        with suppress(TimeoutError):
            async with asyncio.timeout(JOB_COUNT_S):
                if count := await store_probe.running_jobs(self._plan.redis_address):
                    return "1 running job" if count == 1 else f"{count} running jobs"
        return UNKNOWN_JOBS

    async def _stop(self, child: Child, limit_s: float) -> None:
        child.stop()
        await any_set([child.ended, self._signals.hurry], timeout_s=limit_s)
        await self._kill_unless_ended(child, HURRIED_STOP_S)

    async def _kill_unless_ended(self, child: Child, limit_s: float) -> None:
        if not await any_set([child.ended], timeout_s=limit_s):
            child.stop(signal.SIGKILL)


def _banner_facts(plan: Plan, versions: Mapping[str, str]) -> BannerFacts:
    return BannerFacts(
        version=shared.__version__,
        program=_program(),
        url=plan.address.url,
        tools=tuple(registry.tools()),
        versions=versions,
        landlock_abi=landlock.abi(),
        has_default_kubeconfig=plan.gateway_settings.default_kubeconfig_file is not None,
    )


def _program() -> str:
    """Returns the script beside this interpreter, which may not be on PATH."""
    script = Path(sys.executable).with_name("mcp-k8s")
    return shlex.quote(str(script)) if script.exists() else "mcp-k8s"


def _print(text: str, *, file: TextIO | None = None) -> None:
    with suppress(OSError):  # a closed terminal must not prevent an orderly stop of the children
        typer.echo(text, file=file)
