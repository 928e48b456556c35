"""The worker's side: starts the launcher, starts runs, and tells who waits how they ended.

Nothing here forks but the start of the launcher itself, which is to come before the worker holds any key.
"""

import asyncio
import contextlib
import itertools
import os
import signal
import sys
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import TypeVar

from worker.launcher.channel import Channel, channel_pair, close_all
from worker.launcher.link import Link
from worker.launcher.protocol import (
    ChildEnded,
    ChildForked,
    ForkFailed,
    ForkRequest,
    SignalRequest,
    decode,
    encode,
)
from worker.launcher.run import Run, Stage
from worker.launcher.spares import ForkError, LauncherGoneError, Spare, SparePool

__all__ = ["Launcher", "LauncherGoneError", "Run", "Stage"]

ANSWER_TIMEOUT_S = 10.0
"""A launcher forks within milliseconds; one that is silent for this long is stopped or starved: killed."""

CLOSE_TIMEOUT_S = 10.0
"""Longer than the launcher's own wait for killed processes."""

_BOOTSTRAP = (
    "import sys; sys.path.insert(0, sys.argv[1]); from worker.launcher.__main__ import main; main(sys.argv[2:])"
)


T = TypeVar("T")


class Launcher:
    """One launcher process. When it is `gone`, which closing it causes too, it stays so: start another."""

    def __init__(self, spare_count: int) -> None:
        self.gone = asyncio.Event()
        self._pool = SparePool(spare_count, request=self._request_forks)
        self._runs: dict[int, Run] = {}
        self._is_closing = False
        self._link: Link
        self._process: asyncio.subprocess.Process

    @classmethod
    async def start(cls, work_directory: Path, *, spare_count: int = 2) -> "Launcher":
        """Raises LauncherGoneError. When the launcher ends, or the worker does, `work_directory` is removed."""
        launcher = cls(spare_count)
        await launcher._spawn(work_directory)
        try:
            await launcher._answer(launcher._pool.wait_until_full())
        except BaseException:
            launcher.kill()
            await launcher.close()
            raise
        return launcher

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running_children(self) -> int:
        """Processes of runs that have not ended, one for each stage."""
        return len(self._runs)

    async def run(self, stages: Sequence[Stage]) -> Run:
        """Starts the stages together. A cancelled call starts none.

        Owns the stages' descriptors at once. Raises MessageTooLargeError, or LauncherGoneError. A stage that
        cannot be started is no error here: `Run.wait` tells.
        """
        if not stages:
            raise ValueError("a run has at least one stage")
        try:
            packets = [encode(stage.spec) for stage in stages]
            spares = await self._answer(self._pool.take(len(stages)))
            return self._begin(spares, packets, stages)
        except ForkError as error:
            return Run.not_started(len(stages), reason=f"launcher: {error}")
        finally:
            close_all(itertools.chain.from_iterable(stage.descriptors for stage in stages))

    async def close(self) -> None:
        """Ends the launcher, which kills what still runs and removes the work directory.

        Safe to repeat, and due as well after the launcher is gone.
        """
        self._is_closing = True
        self._link.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()

    async def _spawn(self, work_directory: Path) -> None:
        ours, theirs = channel_pair()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *_command(theirs.fileno(), work_directory),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                env={},
                cwd="/",
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._link = Link(ours, on_packet=self._on_packet, on_end=self._on_end)
        self._pool.fill()

    async def _answer(self, waiting: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await waiting
        except TimeoutError as error:
            self.kill()
            raise LauncherGoneError("the launcher did not answer, and was killed") from error

    def _begin(self, spares: Sequence[Spare], packets: Sequence[bytes], stages: Sequence[Stage]) -> Run:
        # Without an await: a run is either known, with all its children, or has none.
        run = Run(spares, self._send_signal)
        for spare in spares:
            self._runs[spare.child] = run
        try:
            run.begin(packets, stages)
        except BaseException:
            run.signal(signal.SIGKILL)
            raise
        return run

    def _request_forks(self, count: int) -> None:
        self._link.send(encode(ForkRequest(count)))

    def _send_signal(self, child: int, signum: int) -> None:
        self._link.send(encode(SignalRequest(child, signum)))

    def _on_packet(self, packet: bytes, descriptors: list[int]) -> None:
        message = decode(packet)
        if isinstance(message, ChildForked):
            self._on_forked(message, descriptors)
        elif isinstance(message, ForkFailed):
            self._pool.fail(message.reason)
        elif isinstance(message, ChildEnded):
            self._on_ended(message)

    def _on_forked(self, message: ChildForked, descriptors: list[int]) -> None:
        if not descriptors:  # dropped by the kernel: this process has too many open
            self._send_signal(message.child, signal.SIGKILL)
            self._pool.fail("the worker is out of file descriptors")
            return
        control = Channel.from_descriptor(descriptors[0])
        self._pool.add(Spare(message.child, message.pid, control))

    def _on_ended(self, message: ChildEnded) -> None:
        run = self._runs.pop(message.child, None)
        if run is None:
            self._pool.forget(message.child)
        else:
            run.note_exit(message.child, message.exit)

    def _on_end(self) -> None:
        self.gone.set()
        for run in set(self._runs.values()):
            if not self._is_closing:
                _kill_groups(run)  # their leaders died with the launcher, the leaders' children may not have
            run.note_gone()
        self._runs.clear()
        self._pool.close()

    def kill(self) -> None:
        """Ends a launcher that stands still, and with it every process that it started."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()


def _kill_groups(run: Run) -> None:
    for process_group in run.living_groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process_group, signal.SIGKILL)


def _command(socket_descriptor: int, work_directory: Path) -> list[str]:
    # -I and -S: no environment, no user or site packages; the one search path is where this package lies.
    package_root = Path(__file__).parents[2]
    return [
        *(sys.executable, "-I", "-S", "-X", "utf8", "-c", _BOOTSTRAP, str(package_root)),
        *("--socket", str(socket_descriptor), "--work-directory", str(work_directory)),
    ]
