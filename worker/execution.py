"""Runs one planned command to its end, all stages of it: output, time limit, cancellation, and nothing left behind."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import uvloop

from shared.events import EventKind
from worker import pipeline
from worker.command_plan import CommandPlan
from worker.job_control import JobControl
from worker.launcher.client import Launcher, Run
from worker.launcher.protocol import StageExit
from worker.line_labels import LabelledLines
from worker.pipeline import Connected, ToolEnd

READ_BYTES = 64 * 1024
KILL_TIMEOUT_S = 10.0
"""A process that SIGKILL does not end, or a launcher that does not say so, must not hold the job for ever."""
LAST_OUTPUT_S = 2.0
"""After the last process has gone only an escaped descendant can keep a pipe open: it is not waited for."""

Sink = Callable[[EventKind, bytes], None]
"""Takes a chunk of output as the process wrote it."""


class Cause(StrEnum):
    """What made the process end."""

    ITSELF = "itself"
    TIME_LIMIT = "time-limit"
    STOP = "stop"
    """Of the job's control."""


@dataclass(frozen=True, slots=True)
class Execution:
    """How the process ended, and why: a signal that we sent may still end in an exit code of the process's own."""

    exit: StageExit
    """Of a pipeline: that of the stage which decides."""
    duration_ms: int
    cause: Cause
    stage: str | None = None
    """That stage's name; None where there is one stage only."""


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
    """Starts the command and returns when it has ended. `LauncherGoneError` if that cannot be known.

    `must_finish` makes it a failure that a filter ends the tool by reading no further; for one that `is_endless` the
    time limit is no failure.
    """
    connected = pipeline.connect(plan)
    started = time.monotonic()
    try:
        run = await launcher.run(connected.stages)  # owns what the stages inherit, whatever comes of it
    except BaseException:
        connected.close()
        raise
    names = [stage.spec.argv[0] for stage in connected.stages]
    reading = list(_read_all(connected, names, sink))
    try:
        cause = await _end(run, control, time_limit_s=time_limit_s, kill_grace_s=kill_grace_s)
        if not run.has_ended:
            launcher.kill()
        exits = await run.wait()
        duration_ms = round((time.monotonic() - started) * 1000)
        read_to_end, _ = await asyncio.wait(reading, timeout=LAST_OUTPUT_S)
        for task in read_to_end:
            task.result()
    finally:
        await _cancelled(*reading)
    tool_end = ToolEnd.MUST_FINISH if must_finish else ToolEnd.AS_ANY
    place = pipeline.deciding(exits, ToolEnd.EXCUSED if is_endless and cause is Cause.TIME_LIMIT else tool_end)
    return Execution(exits[place], duration_ms, cause, names[place] if len(names) > 1 else None)


async def _end(run: Run, control: JobControl, *, time_limit_s: float, kill_grace_s: float) -> Cause:
    """Waits for the run, or for the time limit or a stop, and then ends it."""
    ended = asyncio.create_task(run.wait(), name="process end")
    stopped = asyncio.create_task(control.stopped(), name="stop")
    try:
        done, _ = await asyncio.wait({ended, stopped}, timeout=time_limit_s, return_when=asyncio.FIRST_COMPLETED)
        if ended in done:
            return Cause.ITSELF
        if not control.is_lost:
            # Filters end with their input: without them the tool would be ended by its own last words.
            run.signal_first(signal.SIGTERM)
            await asyncio.wait({ended}, timeout=kill_grace_s)
        run.signal(signal.SIGKILL)
        await asyncio.wait({ended}, timeout=KILL_TIMEOUT_S)
        return Cause.STOP if done else Cause.TIME_LIMIT
    finally:
        run.signal(signal.SIGKILL)
        await _cancelled(ended, stopped)


def _read_all(connected: Connected, names: list[str], sink: Sink) -> Iterator["asyncio.Task[None]"]:
    yield asyncio.create_task(_read(connected.stdout, partial(sink, EventKind.STDOUT)), name="read stdout")
    take = partial(sink, EventKind.STDERR)
    for name, descriptor in zip(names, connected.stderr, strict=True):
        reading = _read(descriptor, take) if len(names) == 1 else _read_labelled(descriptor, LabelledLines(name, take))
        yield asyncio.create_task(reading, name=f"read stderr of {name}")


async def _cancelled(*tasks: "asyncio.Task[object]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _read_labelled(descriptor: int, lines: LabelledLines) -> None:
    try:
        await _read(descriptor, lines.add)
    finally:
        lines.end()


async def _read(descriptor: int, take: Callable[[bytes], None]) -> None:
    reader = asyncio.StreamReader(limit=READ_BYTES)
    loop = asyncio.get_running_loop()
    # uvloop closes the descriptor itself, and the file after it: by then another thread may have been given its number.
    file = os.fdopen(descriptor, "rb", buffering=0, closefd=not isinstance(loop, uvloop.Loop))
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
    try:
        while chunk := await reader.read(READ_BYTES):
            take(chunk)
    finally:
        transport.close()
