"""Child processes that do not outlive the supervisor, each in its own session.

Ctrl-C signals the whole foreground group of a terminal, but the children must end one after the other. Therefore each
child has its own session. The output of a child is passed on, and its last lines are kept to explain an unexpected end.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

DIE_WITH_PARENT = Path(__file__).with_name("die_with_parent.py")
TAIL_LINES = 12
TAIL_BYTES = 4_096
READ_BYTES = 65_536
LAST_OUTPUT_S = 5.0
"""Seconds to wait for the last output: a worker's launcher keeps the output open until it has killed its commands."""
KILLED_S = 10.0
"""Seconds to wait for the end of a killed process, which may be in an uninterruptible system call."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """A process to start."""

    name: str
    command: Sequence[str]
    """The program's absolute path and its arguments."""
    environment: Mapping[str, str]
    descriptors: tuple[int, ...] = ()
    """File descriptors that the process inherits under the same numbers."""
    on_parent_death: signal.Signals = signal.SIGKILL
    shows_output: bool = True


class Child:
    """A started process."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.ended = asyncio.Event()
        self.is_stopping = False
        self._process = process
        self._tail = b""

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> None:
        """Sends the signal. From now on, the end of the process is expected."""
        self.is_stopping = True
        self.send(signum)

    def send(self, signum: signal.Signals) -> None:
        """Sends a signal that does not end the process."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signum)

    def explain(self) -> str:
        """Describes how the process ended, with its last lines of output. Last words that follow a log come first."""
        code = self._process.returncode
        how = f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        lines = self._tail.decode("utf-8", "replace").splitlines()[-TAIL_LINES:]
        if len(lines) > 1 and _is_logged(lines[-2]) and not _is_logged(lines[-1]):
            how = f"{how}: {lines.pop()}"
        return "\n".join([f"the {self.name} {how}" + (":" if lines else ""), *(f"  {line}" for line in lines)])

    async def attend(self, output: BinaryIO | None) -> None:
        """Returns when the process has ended and its output has been read."""
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self._read(output), name=f"output of {self.name}")
            await self._process.wait()
            await asyncio.wait({reading}, timeout=LAST_OUTPUT_S)
            reading.cancel()
        self.ended.set()

    async def _read(self, output: BinaryIO | None) -> None:
        rest = b""
        while self._process.stdout and (data := await self._process.stdout.read(READ_BYTES)):
            self._tail = (self._tail + data)[-TAIL_BYTES:]
            whole, newline, rest = (rest + data).rpartition(b"\n")
            if len(rest) > READ_BYTES:
                whole, newline, rest = whole + newline + rest, b"", b""
            _pass_on(output, whole + newline)
        _pass_on(output, rest)


class Supervisor:
    """Starts children, and notices when a child ends unexpectedly."""

    def __init__(self, group: asyncio.TaskGroup, output: BinaryIO) -> None:
        self.died = asyncio.Event()
        self.dead: Child | None = None
        self._children: dict[Child, asyncio.Task[None]] = {}
        self._group = group
        self._output = output

    async def start(self, spec: ChildSpec) -> Child:
        """Starts a child. Must not be cancelled, because the new process would then be unknown here. Raises OSError."""
        process = await asyncio.create_subprocess_exec(
            *_dying_with_parent(spec),
            env=dict(spec.environment),
            pass_fds=spec.descriptors,
            start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        child = Child(spec.name, process)
        output = self._output if spec.shows_output else None
        self._children[child] = self._group.create_task(self._attend(child, output), name=f"attend {spec.name}")
        return child

    def forget(self, dead: Child) -> None:
        """Forgets a dead child, so that the next death is noticed again."""
        del self._children[dead]
        self.dead = None
        self.died.clear()

    async def end_all(self) -> None:
        """Kills all children that still run."""
        for child in self._children:
            if not child.ended.is_set():
                child.stop(signal.SIGKILL)
        if self._children:
            _, late = await asyncio.wait(self._children.values(), timeout=KILLED_S)
            for task in late:
                task.cancel()

    async def _attend(self, child: Child, output: BinaryIO | None) -> None:
        await child.attend(output)
        if not child.is_stopping and self.dead is None:
            self.dead = child
            self.died.set()


@contextlib.asynccontextmanager
async def supervising(output: BinaryIO = sys.stderr.buffer) -> AsyncIterator[Supervisor]:
    """Yields a supervisor and ends all its children afterwards. Errors of the body are raised in an exception group."""
    async with asyncio.TaskGroup() as group:
        supervisor = Supervisor(group, output)
        try:
            yield supervisor
        finally:
            await supervisor.end_all()


async def any_set(events: Iterable[asyncio.Event], *, timeout_s: float | None = None) -> bool:
    """Waits until one of the events is set. Returns False if the time limit came first."""
    async with asyncio.TaskGroup() as group:
        waiting = {group.create_task(event.wait(), name="wait for an event") for event in events}
        done, _ = await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
    return bool(done)


def _dying_with_parent(spec: ChildSpec) -> list[str]:
    if sys.platform != "linux":
        return [*spec.command]
    arguments = (str(os.getpid()), str(int(spec.on_parent_death)))
    return [sys.executable, "-I", "-S", str(DIE_WITH_PARENT), *arguments, *spec.command]


def _is_logged(line: str) -> bool:
    """Returns whether the line is one of a gateway's or worker's log, which is JSON."""
    return line.startswith("{") and line.endswith("}")


def _pass_on(output: BinaryIO | None, data: bytes) -> None:
    if output is None or not data:
        return
    with contextlib.suppress(OSError):  # a closed terminal must not prevent an orderly stop of the children
        output.write(data)
        output.flush()
