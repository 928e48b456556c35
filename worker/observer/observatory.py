"""Observes waiting commands: while a command is silent, looks at the objects it waits for and reports changes.

A look asks through the command's door. It never makes the command fail, never outlives it, and is not its output.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from shared.events import EventKind
from shared.tools.awaited import Awaited
from worker.door.client.client import DoorGoneError
from worker.observer import summary
from worker.observer.silence import Pace, Silence
from worker.observer.view import Ask, ForbiddenError, View
from worker.run.execution import Sink

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Observatory:
    """Observes the commands of one worker."""

    pace: Pace = field(default_factory=Pace)

    @asynccontextmanager
    async def observed(
        self,
        awaited: Awaited | None,
        ask: Ask | None,
        paths: Callable[[], list[str]],
        *,
        sink: Sink,
        tell: Callable[[str], None],
    ) -> AsyncIterator[Sink]:
        """Observes the command while the block runs, by the objects at `paths`. Yields the sink for its output."""
        if awaited is None or ask is None:
            yield sink
            return
        silence = Silence()

        def heard(kind: EventKind, data: bytes) -> None:
            silence.end()
            sink(kind, data)

        observe = self._observe(View(awaited, ask), paths, silence=silence, tell=tell)
        observing = asyncio.create_task(observe, name="observe")
        try:
            yield heard
        finally:
            observing.cancel()
            await asyncio.wait({observing})

    async def _observe(
        self, view: View, paths: Callable[[], list[str]], *, silence: Silence, tell: Callable[[str], None]
    ) -> None:
        try:
            await self._tell_changes(view, paths, silence=silence, tell=tell)
        except ForbiddenError:
            tell(summary.NOT_TO_BE_SEEN)
        except DoorGoneError:
            log.info("no progress to show: the door is gone")
        except Exception:
            # The command goes on without progress lines.
            log.exception("observing a command failed")

    async def _tell_changes(
        self, view: View, paths: Callable[[], list[str]], *, silence: Silence, tell: Callable[[str], None]
    ) -> None:
        clock = asyncio.get_running_loop().time
        told, rest_s = "", self.pace.shortest_s
        while True:
            await silence.lasts(self.pace.silence_s)
            started = clock()
            line = await view.line(paths())
            is_news = line not in ("", told)
            if is_news:
                tell(line)
                told = line
            rest_s = self.pace.rest_s(rest_s, is_news=is_news, took_s=clock() - started)
            await asyncio.sleep(rest_s)
