"""Observes waiting commands: while a command is silent, looks at the objects it waits for and reports changes.

A look never makes the command fail, never outlives it, and never counts as its output.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from shared.errors import RequestError
from shared.events import EventKind
from shared.sealing.envelope import Command
from shared.tools.progress_looks import ProgressLooks
from worker.egress.proxy import ProxyAccess
from worker.launcher.client import Launcher, LauncherGoneError
from worker.machine.tool_binaries import ToolBinary
from worker.observer import summary
from worker.observer.looker import Looker
from worker.observer.silence import Pace, Silence
from worker.observer.view import ForbiddenError, View
from worker.run import job_directory
from worker.run.command_plan import PlanSettings
from worker.run.execution import Sink

AT_ONCE = 2
"""Most looks of one worker at the same time, for all jobs together. Each look costs as much as a command."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Observatory:
    """Observes the commands of one worker."""

    launcher: Launcher
    binaries: Mapping[str, ToolBinary]
    plan: PlanSettings
    work_directory: Path
    pace: Pace = field(default_factory=Pace)
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    @asynccontextmanager
    async def observed(
        self,
        command: Command,
        looks: ProgressLooks | None,
        *,
        sink: Sink,
        tell: Callable[[str], None],
        proxy: ProxyAccess | None = None,
    ) -> AsyncIterator[Sink]:
        """Observes the command while the block runs. Yields the sink for the command's output."""
        if looks is None or any(look.tool not in self.binaries for look in looks.looks):
            yield sink
            return
        silence = Silence()

        def heard(kind: EventKind, data: bytes) -> None:
            silence.end()
            sink(kind, data)

        observe = self._observe(command, looks, silence=silence, tell=tell, proxy=proxy)
        observing = asyncio.create_task(observe, name="observe")
        try:
            yield heard
        finally:
            observing.cancel()
            await asyncio.wait({observing})

    async def _observe(
        self,
        command: Command,
        looks: ProgressLooks,
        *,
        silence: Silence,
        tell: Callable[[str], None],
        proxy: ProxyAccess | None,
    ) -> None:
        try:
            await silence.lasts(self.pace.silence_s)
            files = command.files if any(look.brings_files for look in looks.looks) else {}
            async with job_directory.create(self.work_directory, files) as directory:
                looker = Looker(self.launcher, self.binaries, self.plan, command, directory, proxy, self.turns)
                await self._tell_changes(View(looks, looker), silence, tell)
        except ForbiddenError:
            tell(summary.NOT_TO_BE_SEEN)
        except (RequestError, LauncherGoneError) as error:
            log.info("no progress to show", error=type(error).__name__)
        except Exception:
            # The command goes on without progress lines.
            log.exception("observing a command failed")

    async def _tell_changes(self, view: View, silence: Silence, tell: Callable[[str], None]) -> None:
        clock = asyncio.get_running_loop().time
        told, rest_s = "", self.pace.shortest_s
        while True:
            await silence.lasts(self.pace.silence_s)
            started = clock()
            line = await view.line()
            is_news = line not in ("", told)
            if is_news:
                tell(line)
                told = line
            rest_s = self.pace.rest_s(rest_s, is_news=is_news, took_s=clock() - started)
            await asyncio.sleep(rest_s)
