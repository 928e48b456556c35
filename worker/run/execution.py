"""Runs all stages of one planned command to their end: output, time limit, cancellation, and no process left behind."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from shared.command.masking import Masking
from shared.events import EventKind
from worker.job_control import JobControl
from worker.launcher.client import Launcher, Run
from worker.launcher.protocol import StageExit
from worker.output.masking.held_output import HeldOutput
from worker.output.masking.messages import MaskedLines
from worker.output.own_addresses import WithoutOwnAddresses
from worker.run import pipeline, streams
from worker.run.command_plan import CommandPlan
from worker.run.line_labels import LabelledLines
from worker.run.pipeline import Connected, Held, ToolEnd
from worker.run.streams import Reading

KILL_TIMEOUT_S = 10.0
"""Seconds to wait after SIGKILL. A process that does not end must not block the job for ever."""
LAST_OUTPUT_S = 2.0
"""Seconds to read on after the last process has ended. Then only an escaped descendant can keep a pipe open."""

Sink = Callable[[EventKind, bytes], None]
"""Takes a chunk of output as the process wrote it."""


class Cause(StrEnum):
    """The cause of a process's end."""

    ITSELF = "itself"
    TIME_LIMIT = "time-limit"
    STOP = "stop"
    """The job's control stopped the process."""


@dataclass(frozen=True, slots=True)
class Execution:
    """How the command ended, and why. A process may answer our signal with an exit code of its own."""

    exit: StageExit
    """The exit of the command, or of the deciding stage of a pipeline."""
    duration_ms: int
    cause: Cause
    stage: str | None = None
    """Name of the deciding stage; None if the command is not a pipeline."""
    withheld: str | None = None
    """Why the tool's output was kept from filters and callers; None if it was not."""
    refused_change: str = ""
    """Why the first change was refused that the command asked for; empty if none was."""
    refused_read: str = ""


async def execute(
    plan: CommandPlan,
    *,
    launcher: Launcher,
    control: JobControl,
    sink: Sink,
    time_limit_s: float,
    kill_grace_s: float,
    must_finish: bool = False,
    is_endless: bool = False,
) -> Execution:
    """Starts the command and returns when it has ended. The arguments and errors are those of `Started.end`."""
    async with starting(plan, launcher) as started:
        return await started.end(
            sink,
            control=control,
            time_limit_s=time_limit_s,
            kill_grace_s=kill_grace_s,
            must_finish=must_finish,
            is_endless=is_endless,
        )


@asynccontextmanager
async def starting(plan: CommandPlan, launcher: Launcher) -> AsyncIterator["Started"]:
    """Starts the command, whose processes end with the block at the latest. Raises LauncherGoneError."""
    connected = pipeline.connect(plan)
    started_at_s = time.monotonic()
    try:
        # Closes the inherited descriptors in any case.
        run = await launcher.run(connected.stages, first=plan.reservation)
    except BaseException:
        connected.close()
        raise
    started = Started(launcher, plan, connected, run, started_at_s)
    try:
        yield started
    finally:
        run.signal(signal.SIGKILL)
        if not started.is_read:
            connected.close()


@dataclass(slots=True)
class Started:
    """A command whose processes are starting. What its end needs can be prepared meanwhile."""

    launcher: Launcher
    plan: CommandPlan
    connected: Connected
    run: Run
    started_at_s: float
    """When the start was asked for, in seconds of the monotonic clock."""
    is_read: bool = False
    """Whether the pipes are read. Then the reader closes them."""

    def living_groups(self) -> tuple[int, ...]:
        """Returns the process group of each stage that has not ended, as far as is known."""
        return self.run.living_groups

    async def end(
        self,
        sink: Sink,
        *,
        control: JobControl,
        time_limit_s: float,
        kill_grace_s: float,
        must_finish: bool = False,
        is_endless: bool = False,
    ) -> Execution:
        """Returns when the command has ended. Raises LauncherGoneError if its end cannot be known.

        `must_finish` means that the command fails if a filter stops reading before the tool has finished. `is_endless`
        means that the command does not fail when it reaches its time limit.
        """
        masking = self.plan.masking
        output = HeldOutput() if masking is Masking.RELEASE_OBJECT else None
        shown = partial(WithoutOwnAddresses, self.plan.replaced, self.plan.proxy_place)
        names = [stage.spec.argv[0] for stage in self.connected.stages]
        self.is_read = True
        reading = _Readings(
            self.connected, names, sink=sink, output=output, shown=shown, masks_messages=masking is not None
        )
        try:
            cause = await _end(self.run, control, time_limit_s=time_limit_s, kill_grace_s=kill_grace_s)
            if not self.run.has_ended:
                self.launcher.kill()
            exits = await self.run.wait()
            duration_ms = round((time.monotonic() - self.started_at_s) * 1000)
            await reading.to_the_end(LAST_OUTPUT_S)
        finally:
            await reading.close()
        if output is not None and self.connected.held is None:
            sink(EventKind.STDOUT, await output.masked())
        withheld = output.withheld if output else None
        tool_end = ToolEnd.MUST_FINISH if must_finish else ToolEnd.AS_ANY
        place = pipeline.deciding(exits, ToolEnd.EXCUSED if is_endless and cause is Cause.TIME_LIMIT else tool_end)
        return Execution(exits[place], duration_ms, cause, names[place] if len(names) > 1 else None, withheld)


async def _end(run: Run, control: JobControl, *, time_limit_s: float, kill_grace_s: float) -> Cause:
    """Waits for the end of the run, the time limit or a stop, and then ends the run."""
    ended, stopped = run.ended, control.stopped
    try:
        done, _ = await asyncio.wait({ended, stopped}, timeout=time_limit_s, return_when=asyncio.FIRST_COMPLETED)
        if ended in done:
            return Cause.ITSELF
        if not control.is_lost:
            # Filters end after their input. If they were ended first, the tool's last output would end it by SIGPIPE.
            run.signal_first(signal.SIGTERM)
            await asyncio.wait({ended}, timeout=kill_grace_s)
        run.signal(signal.SIGKILL)
        await asyncio.wait({ended}, timeout=KILL_TIMEOUT_S)
        return Cause.STOP if done else Cause.TIME_LIMIT
    finally:
        run.signal(signal.SIGKILL)


class _Readings:
    """Everything that is read from the stages of one command."""

    def __init__(
        self,
        connected: Connected,
        names: list[str],
        *,
        sink: Sink,
        output: HeldOutput | None,
        shown: Callable[[], WithoutOwnAddresses],
        masks_messages: bool,
    ) -> None:
        self._passing: asyncio.Task[None] | None = None
        take = partial(sink, EventKind.STDOUT)
        if connected.held is not None:
            self._passing = asyncio.create_task(_pass_on(connected.held, shown(), output), name="pass on output")
            self._readings = [Reading(connected.stdout, take)]
        else:
            self._readings = [_of_lines(connected.stdout, [_Shown(shown(), output.add if output else take)])]
        take = partial(sink, EventKind.STDERR)
        for place, (name, descriptor) in enumerate(zip(names, connected.stderr, strict=True)):
            lines: list[_Lines] = [LabelledLines(name, take)] if len(names) > 1 else []
            if masks_messages and place == 0:
                lines.append(MaskedLines(lines[-1].add if lines else take))
            if place == 0:
                lines.append(_Shown(shown(), lines[-1].add if lines else take))
            self._readings.append(_of_lines(descriptor, lines))

    async def to_the_end(self, timeout_s: float) -> None:
        """Waits for the end of all pipes. Raises the error of a sink."""
        waiting = {reading.ended for reading in self._readings if not reading.ended.done()}
        if self._passing is not None:
            waiting.add(self._passing)
        if waiting:
            await asyncio.wait(waiting, timeout=timeout_s)
        for each in (*(reading.ended for reading in self._readings), self._passing):
            if each is not None and each.done():
                each.result()

    async def close(self) -> None:
        """Stops reading what has not ended."""
        for reading in self._readings:
            reading.close()
        if self._passing is not None:
            self._passing.cancel()
            await asyncio.gather(self._passing, return_exceptions=True)


class _Shown:
    """Removes the worker's own addresses from a stream of output and passes the result on."""

    def __init__(self, output: WithoutOwnAddresses, take: Callable[[bytes], None]) -> None:
        self._output = output
        self._take = take

    def add(self, data: bytes) -> None:
        if ready := self._output.add(data):
            self._take(ready)

    def end(self) -> None:
        if last := self._output.end():
            self._take(last)


_Lines = LabelledLines | MaskedLines | _Shown


def _of_lines(descriptor: int, lines: Sequence[_Lines]) -> Reading:
    """Reads a descriptor through a chain of readers. Each one passes its lines to the one before it."""

    def end() -> None:
        for each in reversed(lines):
            each.end()

    return Reading(descriptor, lines[-1].add, end)


async def _pass_on(held: Held, shown: WithoutOwnAddresses, output: HeldOutput | None) -> None:
    """Passes the first stage's output to the second one: as it comes, or after all of it was read and masked."""
    if output is None:
        await streams.carry(held.printed, held.passed_on, change=shown.add, at_end=shown.end)
        return
    try:
        await streams.read(held.printed, lambda data: output.add(shown.add(data)))
        output.add(shown.end())
        masked = await output.masked()
    except BaseException:
        os.close(held.passed_on)
        raise
    await streams.write(held.passed_on, masked)
