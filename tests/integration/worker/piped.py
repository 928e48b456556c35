"""Pipelines of a shell script and real filters, started as a worker starts them."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from shared.command import filters, tokens
from shared.command.masking import Masking
from shared.events import EventKind
from tests.integration.worker.launcher.test_launcher_support import LIMITS, shell, spec_of
from tests.support.waiting import wait_until
from worker.job_control import JobControl
from worker.launcher import landlock
from worker.launcher.client import Launcher
from worker.launcher.protocol import Limits
from worker.machine import filter_binaries
from worker.machine.filter_binaries import FilterBinary
from worker.run import filter_plan, job_directory
from worker.run.command_plan import CommandPlan
from worker.run.execution import Execution, execute
from worker.run.job_directory import JobDirectory

LONG_S = 30.0
"""Longer than a test may run: it ends sooner, or it fails."""
TOOL = "tool"
"""What the first stage is called."""
WITHOUT_SANDBOX, _ = filter_binaries.find_all(
    [replace(known, starts_programs=False) for known in filters.FILTERS], None, sandboxed=False
)
"""All that this machine has: for controls that show what a sandbox prevents."""


@dataclass(frozen=True)
class Printed:
    """A pipeline that has ended, and what came out of it."""

    execution: Execution
    stdout: str
    stderr: str

    @property
    def exit_code(self) -> int | None:
        return self.execution.exit.exit_code


@dataclass
class Piped:
    """A launcher and a job's directory to run pipelines with, one at a time."""

    launcher: Launcher
    directory: JobDirectory
    binaries: Mapping[str, FilterBinary]
    sandboxed: bool
    control: JobControl = field(default_factory=JobControl)
    printed: dict[EventKind, bytes] = field(default_factory=dict)

    def start(
        self,
        script: str,
        behind: str,
        *,
        inherited: tuple[int, ...] = (),
        masking: Masking | None = None,
        replaced: Mapping[bytes, bytes] | None = None,
        limits: Limits = LIMITS,
        time_limit_s: float = LONG_S,
        **options: Any,
    ) -> "asyncio.Task[Execution]":
        """`behind` is what stands behind the first `|`; it is cut as a command is, and judged by nobody."""
        self.printed = dict.fromkeys(EventKind, b"")
        stages = tokens.split(f"{TOOL} | {behind}")[1:]
        self.require(*(words[0] for words in stages))
        spec = replace(spec_of(shell(script), self.directory.work), argv=(TOOL, "-c", script))
        later = filter_plan.build(stages, self.binaries, self.directory, limits=limits, sandboxed=self.sandboxed)
        plan = CommandPlan(spec, os.open(os.devnull, os.O_RDONLY), inherited, later, masking, replaced or {})
        settings = {"kill_grace_s": LONG_S, "control": self.control, **options}
        running = execute(plan, launcher=self.launcher, sink=self.take, time_limit_s=time_limit_s, **settings)
        return asyncio.create_task(running, name="execute")

    async def run(self, script: str, behind: str, **options: Any) -> Printed:
        execution = await self.start(script, behind, **options)
        return Printed(execution, self.stdout, self.printed[EventKind.STDERR].decode())

    def take(self, kind: EventKind, data: bytes) -> None:
        self.printed[kind] += data

    @property
    def stdout(self) -> str:
        return self.printed[EventKind.STDOUT].decode()

    async def prints(self, text: str) -> None:
        await wait_until(lambda: text in self.stdout, timeout_s=60)

    def require(self, *names: str) -> None:
        for name in names:
            if name not in self.binaries:
                pytest.skip(f"this machine has no {name} that is a program")

    def without_sandbox(self) -> "Piped":
        """The same, with nothing that contains the filters: what they do then is what is to be prevented."""
        return replace(self, binaries=WITHOUT_SANDBOX, sandboxed=False)

    def with_filter(self, binary: FilterBinary) -> "Piped":
        """The same, with another program under the name of a filter."""
        return replace(self, binaries={**self.binaries, binary.filter.name: binary})


@asynccontextmanager
async def running(folder: Path, files: Mapping[str, str]) -> AsyncIterator[Piped]:
    """With the request's files in the job's directory, and contained where this machine can."""
    (folder / "work").mkdir()
    launcher = await Launcher.start(folder / "work")
    is_contained = landlock.abi() > 0
    found, _ = filter_binaries.find_all(filters.FILTERS, None, sandboxed=is_contained)
    async with job_directory.create(folder / "work", files) as directory:
        yield Piped(launcher, directory, found, is_contained)
    await launcher.close()


def processes_with(mark: str) -> list[Path]:
    """Processes of this machine that have the word in their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "cmdline").read_text(errors="replace"):
                found.append(process)
        except OSError:
            continue
    return found
