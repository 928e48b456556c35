"""Measures the time that the sandbox adds to a command: a launcher runs the same plan with and without it."""

import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench.latency import RUNS, added_row, program
from bench.table import Row
from bench.timing import Timing, awaited_in_turn
from shared.sealing.envelope import Command
from shared.tools.kubectl import definition as kubectl
from tests.support import stub
from worker.egress.proxy import ProxyAccess
from worker.job_control import JobControl
from worker.launcher.client import Launcher
from worker.machine import containment, work_directories
from worker.machine.tool_binaries import ToolBinary
from worker.run import command_plan, job_directory
from worker.run.command_plan import PlanSettings, Ways
from worker.run.execution import execute

TIME_LIMIT_S = 60.0
BUDGET_MS = 2
WAYS = Ways(ProxyAccess(1, "user", "password"))
"""Access to a proxy that is never used. Its port becomes one of the sandbox's rules."""


@dataclass(frozen=True, slots=True)
class _Place:
    launcher: Launcher
    work_directory: Path


async def rows(directory: Path) -> list[Row]:
    """Returns rows for a program that does nothing and for kubectl, or no rows if there is no sandbox."""
    if not containment.of_this_machine().is_sandbox:
        return []
    noop = ToolBinary(stub.NOOP, stub.install(directory) / "noop")
    kubectl_binary = ToolBinary(kubectl.TOOL, Path(program("kubectl")))
    async with _place(directory) as place:
        nothing = await _timings(place, noop, ("read",))
        version = await _timings(place, kubectl_binary, kubectl.TOOL.version_arguments)
    return [
        _row("the sandbox's part in a program that costs nothing, median of pairs", nothing),
        _row("the sandbox's part in `kubectl version --client`, median of pairs", version),
    ]


def _row(what: str, timings: dict[str, Timing]) -> Row:
    pairs = zip(timings["sandboxed"].samples, timings["bare"].samples, strict=True)
    return added_row(what, statistics.median(sandboxed - bare for sandboxed, bare in pairs), BUDGET_MS)


async def _timings(place: _Place, binary: ToolBinary, arguments: tuple[str, ...]) -> dict[str, Timing]:
    command = Command(tool=binary.tool.name, arguments=arguments, verb=arguments[:1], kubeconfig=stub.KUBECONFIG)
    settings = {
        name: PlanSettings(
            sandboxed=sandboxed, allow_loopback_fetches=True, job_file_bytes=1 << 28, go_memory_limit="200MiB"
        )
        for name, sandboxed in (("bare", False), ("sandboxed", True))
    }
    kinds = {name: f"{binary.tool.name} {name}" for name in settings}
    place.launcher.equip(
        {kinds[name]: command_plan.outfit(binary, place.work_directory, each) for name, each in settings.items()}
    )
    calls: dict[str, Callable[[], Awaitable[None]]] = {
        name: partial(_run, place, binary, command, kind=kinds[name], settings=each) for name, each in settings.items()
    }
    return await awaited_in_turn(calls, runs=RUNS)


async def _run(place: _Place, binary: ToolBinary, command: Command, *, kind: str, settings: PlanSettings) -> None:
    reservation = await place.launcher.reserve(kind)
    if reservation is None:
        raise RuntimeError("no process could be forked")
    async with job_directory.use(reservation.directory, {}) as directory:
        plan = command_plan.build(command, binary, directory, time_limit_s=TIME_LIMIT_S, settings=settings, ways=WAYS)
        execution = await execute(
            replace(plan, reservation=reservation),
            launcher=place.launcher,
            control=JobControl(),
            sink=lambda kind, data: None,
            time_limit_s=TIME_LIMIT_S,
            kill_grace_s=1,
        )
    place.launcher.release(reservation)
    if execution.exit.exit_code != 0:
        raise RuntimeError(f"{binary.tool.name}: {execution}")


@asynccontextmanager
async def _place(parent: Path) -> AsyncIterator[_Place]:
    with work_directories.create(parent) as work_directory:  # removed with its launcher
        launcher = await Launcher.start(work_directory)
        try:
            yield _Place(launcher, work_directory)
        finally:
            await launcher.close()
