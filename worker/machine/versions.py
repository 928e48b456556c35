"""Asks each CLI for its version in the sandbox of its commands. A CLI that cannot start there counts as missing."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import structlog

from shared.events import EventKind
from shared.sealing.envelope import Command
from worker.job_control import JobControl
from worker.launcher.client import Launcher
from worker.machine import tool_binaries
from worker.machine.tool_binaries import ToolBinary
from worker.run import command_plan, job_directory
from worker.run.command_plan import PlanSettings
from worker.run.execution import execute

VERSION_LIMIT_S = 30.0
KILL_GRACE_S = 1.0

log = structlog.get_logger()


async def ask(binary: ToolBinary, *, launcher: Launcher, work_directory: Path, settings: PlanSettings) -> str | None:
    """Returns the version that the CLI prints, or None if the CLI does not run."""
    output = bytearray()

    def collect(_: EventKind, data: bytes) -> None:
        output.extend(data)

    command = Command(tool=binary.tool.name, arguments=binary.tool.version_arguments, verb=("version",))
    async with job_directory.create(work_directory, {}) as directory:
        plan = command_plan.build(command, binary, directory, time_limit_s=VERSION_LIMIT_S, settings=settings)
        execution = await execute(
            plan,
            launcher=launcher,
            control=JobControl(),
            sink=collect,
            time_limit_s=VERSION_LIMIT_S,
            kill_grace_s=KILL_GRACE_S,
        )
    if execution.exit.exit_code != 0:
        log.error("tool does not run", tool=binary.tool.name, path=str(binary.path), error=execution.exit.error)
        return None
    version = tool_binaries.version_in(binary.tool, output.decode("utf-8", "replace"))
    if problem := binary.tool.age_problem(version):
        log.warning("tool is too old", tool=binary.tool.name, path=str(binary.path), version=version, problem=problem)
    return version


async def ask_all(
    binaries: Iterable[ToolBinary], *, launcher: Launcher, work_directory: Path, settings: PlanSettings
) -> dict[str, str]:
    """Returns tool → version for the tools that run."""
    asked = list(binaries)
    versions = await asyncio.gather(
        *(ask(binary, launcher=launcher, work_directory=work_directory, settings=settings) for binary in asked)
    )
    return {binary.tool.name: version for binary, version in zip(asked, versions, strict=True) if version}
