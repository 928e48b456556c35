"""Runs one planned command to its end: output, time limit, cancellation, and nothing left behind."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum

from shared.events import EventKind
from worker.command_plan import CommandPlan
from worker.job_control import JobControl
from worker.launcher.client import Launcher, Run, Stage
from worker.launcher.protocol import StageExit

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
    duration_ms: int
    cause: Cause


async def execute(
    plan: CommandPlan,
    *,
    launcher: Launcher,
    control: JobControl,
    sink: Sink,
    time_limit_s: float,
    kill_grace_s: float,
) -> Execution:
    """Starts the command and returns when it has ended. `LauncherGoneError` if that cannot be known."""
    with ExitStack() as opened:
        opened.callback(plan.close)
        stdout_read, stdout_write = _pipe(opened)
        stderr_read, stderr_write = _pipe(opened)
        stage = Stage(plan.spec, (plan.stdin, stdout_write, stderr_write, *plan.inherited))
        started = time.monotonic()
        # From here on the launcher owns what the stage inherits, whatever comes of it.
        opened.pop_all()
        opened.callback(os.close, stdout_read)
        opened.callback(os.close, stderr_read)
        run = await launcher.run([stage])
        opened.pop_all()
    reading = [
        asyncio.create_task(_read(stdout_read, EventKind.STDOUT, sink), name="read stdout"),
        asyncio.create_task(_read(stderr_read, EventKind.STDERR, sink), name="read stderr"),
    ]
    try:
        cause = await _end(run, control, time_limit_s=time_limit_s, kill_grace_s=kill_grace_s)
        if not run.has_ended:
            launcher.kill()
        [stage_exit] = await run.wait()
        duration_ms = round((time.monotonic() - started) * 1000)
        read_to_end, _ = await asyncio.wait(reading, timeout=LAST_OUTPUT_S)
        for task in read_to_end:
            task.result()
    finally:
        await _cancelled(*reading)
    return Execution(stage_exit, duration_ms, cause)


async def _end(run: Run, control: JobControl, *, time_limit_s: float, kill_grace_s: float) -> Cause:
    """Waits for the run, or for the time limit or a stop, and then ends it."""
    ended = asyncio.create_task(run.wait(), name="process end")
    stopped = asyncio.create_task(control.stopped(), name="stop")
    try:
        done, _ = await asyncio.wait({ended, stopped}, timeout=time_limit_s, return_when=asyncio.FIRST_COMPLETED)
        if ended in done:
            return Cause.ITSELF
        run.signal(signal.SIGKILL if control.is_lost else signal.SIGTERM)
        await asyncio.wait({ended}, timeout=kill_grace_s)
        run.signal(signal.SIGKILL)
        await asyncio.wait({ended}, timeout=KILL_TIMEOUT_S)
        return Cause.STOP if done else Cause.TIME_LIMIT
    finally:
        run.signal(signal.SIGKILL)
        await _cancelled(ended, stopped)


def _pipe(opened: ExitStack) -> tuple[int, int]:
    ends = os.pipe()
    for end in ends:
        opened.callback(os.close, end)
    return ends


async def _cancelled(*tasks: "asyncio.Task[object]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _read(descriptor: int, kind: EventKind, sink: Sink) -> None:
    reader = asyncio.StreamReader(limit=READ_BYTES)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    try:
        while chunk := await reader.read(READ_BYTES):
            sink(kind, chunk)
    finally:
        transport.close()
