"""Child processes of one terminal: each in a session of its own, none of which outlives the supervisor.

A terminal's Ctrl-C reaches the whole foreground group, and the children must end one after the other: hence the
sessions. What a child prints is passed on, and the last of it kept, for the day it dies.
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
"""A worker's launcher holds its output open until it has killed what was running."""
KILLED_S = 10.0
"""For a killed process to be gone: one in an uninterruptible system call takes its time."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """A process to start."""

    name: str
    command: Sequence[str]
    """With the program's absolute path first."""
    environment: Mapping[str, str]
    descriptors: tuple[int, ...] = ()
    """Open files that it inherits, under the same numbers."""
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
        """Sends the signal; its end is no surprise from now on."""
        self.is_stopping = True
        self.send(signum)

    def send(self, signum: signal.Signals) -> None:
        """Sends a signal that is not meant to end it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signum)

    def explain(self) -> str:
        """How it ended, and the last that it printed."""
        code = self._process.returncode
        how = f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        lines = self._tail.decode("utf-8", "replace").splitlines()[-TAIL_LINES:]
        return "\n".join([f"the {self.name} {how}" + (":" if lines else ""), *(f"  {line}" for line in lines)])

    async def attend(self, output: BinaryIO | None) -> None:
        """Returns when the process is gone and all that it printed has been read."""
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
    """Starts children, and notices when one ends that nobody stopped."""

    def __init__(self, group: asyncio.TaskGroup, output: BinaryIO) -> None:
        self.died = asyncio.Event()
        self.dead: Child | None = None
        self._children: dict[Child, asyncio.Task[None]] = {}
        self._group = group
        self._output = output

    async def start(self, spec: ChildSpec) -> Child:
        """Not to be cancelled: the process could be there and unknown. Raises OSError."""
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
        """Its death is dealt with: the next one counts again."""
        del self._children[dead]
        self.dead = None
        self.died.clear()

    async def end_all(self) -> None:
        """Kills what still runs."""
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
    """A supervisor whose children are gone afterwards. Errors of the body leave it in a group."""
    async with asyncio.TaskGroup() as group:
        supervisor = Supervisor(group, output)
        try:
            yield supervisor
        finally:
            await supervisor.end_all()


async def any_set(events: Iterable[asyncio.Event], *, timeout_s: float | None = None) -> bool:
    """Waits for the first of them. False if the time was over before."""
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


def _pass_on(output: BinaryIO | None, data: bytes) -> None:
    if output is None or not data:
        return
    with contextlib.suppress(OSError):  # the terminal is gone: that must not keep the children from an orderly end
        output.write(data)
        output.flush()
