"""Runs a look: a short read-only command in the same sandbox and with the same kubeconfig as the waiting command."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from shared.events import EventKind
from shared.sealing.envelope import Command
from shared.tools.progress_looks import Look
from worker.egress.proxy import ProxyAccess
from worker.job_control import JobControl
from worker.launcher.client import Launcher
from worker.machine.tool_binaries import ToolBinary
from worker.run import command_plan, job_directory
from worker.run.command_plan import CommandPlan, PlanSettings
from worker.run.execution import Execution, execute
from worker.run.job_directory import JobDirectory

LOOK_LIMIT_S = 8.0
KILL_S = 1.0
"""Seconds that a killed look gets to end."""
MOST_OUTPUT_BYTES = 4 * 1024 * 1024
"""Most bytes that are read from a look, about 500 pods, because this process parses them."""
MOST_ERROR_BYTES = 16 * 1024
DENIALS = (b"(Forbidden)", b"is forbidden", b"code = PermissionDenied")
"""Texts with which kubectl, helm and argocd report missing permissions."""


class NoSight(Enum):
    """The reason why a look shows nothing."""

    FORBIDDEN = "the credentials do not allow reading it"
    FAILED = "it may work the next time"


@dataclass(slots=True)
class _Printed:
    """The collected output of a look."""

    output: bytearray = field(default_factory=bytearray)
    error: bytearray = field(default_factory=bytearray)

    def take(self, kind: EventKind, data: bytes) -> None:
        if kind is EventKind.STDERR:
            self.error += data[: MOST_ERROR_BYTES - len(self.error)]
        else:
            self.output += data[: MOST_OUTPUT_BYTES + 1 - len(self.output)]


@dataclass(frozen=True, slots=True)
class Looker:
    """Runs the looks of one waiting command."""

    launcher: Launcher
    binaries: Mapping[str, ToolBinary]
    plan: PlanSettings
    command: Command
    directory: JobDirectory
    """The looks' own directory, with copies of the files that came with the command."""
    proxy: ProxyAccess | None
    """The command's access to the proxy."""
    turns: asyncio.Semaphore

    async def look(self, look: Look, *, stdin: str | None = None) -> bytes | NoSight:
        """Returns the look's output. Raises RequestError or LauncherGoneError if no further look can run."""
        if look.tool not in self.binaries:
            return NoSight.FAILED
        async with self.turns:
            return await self._run(look, stdin)

    async def _run(self, look: Look, stdin: str | None) -> bytes | NoSight:
        plan = command_plan.build(
            self._command(look, stdin),
            self.binaries[look.tool],
            self.directory,
            time_limit_s=LOOK_LIMIT_S,
            settings=self.plan,
            proxy=self.proxy,
        )
        printed = _Printed()
        try:
            execution = await self._ended(plan, printed)
        finally:
            job_directory.forget_private_files(self.directory)
        if execution is None:
            return NoSight.FAILED
        failed = execution.exit.exit_code != 0 and not printed.output
        if failed or len(printed.output) > MOST_OUTPUT_BYTES:
            is_forbidden = any(word in printed.error for word in DENIALS)
            return NoSight.FORBIDDEN if is_forbidden else NoSight.FAILED
        return bytes(printed.output)

    async def _ended(self, plan: CommandPlan, printed: _Printed) -> Execution | None:
        """Returns None if the look reached its time limit. The process ends in every case."""
        control = JobControl()
        running = asyncio.create_task(
            # `execute` must not reach its own time limit: after it, an unkillable process counts as a dead launcher.
            execute(
                plan,
                launcher=self.launcher,
                control=control,
                sink=printed.take,
                time_limit_s=LOOK_LIMIT_S * 2,
                kill_grace_s=0,
            ),
            name="look",
        )
        try:
            done, _ = await asyncio.wait({running}, timeout=LOOK_LIMIT_S)
            return running.result() if done else None
        finally:
            control.lose()
            await asyncio.wait({running}, timeout=KILL_S)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def _command(self, look: Look, stdin: str | None) -> Command:
        command = self.command
        is_same_tool = look.tool == command.tool
        return Command(
            tool=look.tool,
            arguments=look.arguments,
            verb=look.verb,
            kubeconfig=command.kubeconfig,
            credentials=command.credentials if is_same_tool else {},
            stdin=command.stdin if look.brings_files else stdin,
            proxy_variables=command.proxy_variables if is_same_tool else (),
            listens=command.listens and is_same_tool,
        )
