"""The worker's side of the launcher: it starts the launcher and runs, and reports how the runs ended.

The worker forks only to start the launcher, which must happen before the worker has any key in memory.
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
"""Seconds without an answer after which the launcher is killed: it normally forks within milliseconds."""

CLOSE_TIMEOUT_S = 10.0
"""Seconds that the launcher gets to end; longer than its own wait for killed processes."""

_BOOTSTRAP = (
    "import sys; sys.path.insert(0, sys.argv[1]); from worker.launcher.__main__ import main; main(sys.argv[2:])"
)


T = TypeVar("T")


class Launcher:
    """One launcher process. After the event `gone`, which `close` sets too, it cannot be used any more."""

    def __init__(self, spare_count: int) -> None:
        self.gone = asyncio.Event()
        self._pool = SparePool(spare_count, request=self._request_forks)
        self._runs: dict[int, Run] = {}
        self._is_closing = False
        self._link: Link
        self._process: asyncio.subprocess.Process

    @classmethod
    async def start(cls, work_directory: Path, *, spare_count: int = 2) -> "Launcher":
        """Starts a launcher, which removes `work_directory` when it or the worker ends. Raises LauncherGoneError."""
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
        """Number of processes that run, one for each stage."""
        return len(self._runs)

    async def run(self, stages: Sequence[Stage]) -> Run:
        """Starts the stages together. A cancelled call starts none of them.

        Takes ownership of the stages' descriptors at once. Raises MessageTooLargeError or LauncherGoneError. If a
        stage cannot be started, `Run.wait` reports it.
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
        """Ends the launcher, which kills all running processes and removes the work directory.

        It may be called repeatedly, and must also be called after the launcher has ended by itself.
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
            raise LauncherGoneError("the launcher did not answer and was killed") from error

    def _begin(self, spares: Sequence[Spare], packets: Sequence[bytes], stages: Sequence[Stage]) -> Run:
        # No await here: a run is either registered with all its children, or it has none.
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
        if not descriptors:  # the kernel dropped it, because this process has too many open files
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
                _kill_groups(run)  # the group leaders died with the launcher, but their children may live
            run.note_gone()
        self._runs.clear()
        self._pool.close()

    def kill(self) -> None:
        """Kills a launcher that hangs, and thereby every process that it started."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()


def _kill_groups(run: Run) -> None:
    for process_group in run.living_groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process_group, signal.SIGKILL)


def _command(socket_descriptor: int, work_directory: Path) -> list[str]:
    # -I and -S: no environment, no user or site packages. The only search path is the root of this package.
    package_root = Path(__file__).parents[2]
    return [
        *(sys.executable, "-I", "-S", "-X", "utf8", "-c", _BOOTSTRAP, str(package_root)),
        *("--socket", str(socket_descriptor), "--work-directory", str(work_directory)),
    ]
