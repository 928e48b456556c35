"""The worker's side of the launcher: it starts the launcher and runs, and reports how the runs ended.

The worker forks only to start the launcher, which must happen before the worker has any key in memory.
"""

import asyncio
import contextlib
import itertools
import os
import signal
import sys
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from worker.launcher.channel import Channel, channel_pair, close_all
from worker.launcher.link import Link
from worker.launcher.pool.named_files import NamedFiles
from worker.launcher.pool.removal import Removal
from worker.launcher.pool.reservation import Reservation
from worker.launcher.pool.spares import ForkError, LauncherGoneError, Prepared, Spare, SparePool
from worker.launcher.protocol import (
    PLAIN,
    ChildEnded,
    ChildForked,
    Equipment,
    ForkFailed,
    ForkRequest,
    Outfit,
    SignalRequest,
    decode,
    encode,
)
from worker.launcher.run import Run, Stage

__all__ = ["Launcher", "LauncherGoneError", "Reservation", "Run", "Stage"]

ANSWER_TIMEOUT_S = 10.0
"""Seconds without an answer after which the launcher is killed: it normally forks within milliseconds."""

CLOSE_TIMEOUT_S = 10.0
"""Seconds that the launcher gets to end; longer than its own wait for killed processes."""

FILES_CHECK_S = 30.0
"""Seconds between two looks at the files that the rules of spares name. Programs are looked at for each command too."""

_PREPARED_DESCRIPTORS = 3
"""Control channel, standard output and standard error."""

_BOOTSTRAP = (
    "import sys; sys.path[:0] = sys.argv[1:3]; from worker.launcher.__main__ import main; sys.path.pop(0); "
    "main(sys.argv[3:])"
)


T = TypeVar("T")


class Launcher:
    """One launcher process. After the event `gone`, which `close` sets too, it cannot be used any more."""

    def __init__(self, spare_count: int) -> None:
        self.gone = asyncio.Event()
        self._spare_count = spare_count
        self._kinds: dict[str, int] = {}
        self._outfits: dict[int, Outfit] = {}
        self._pools = {PLAIN: self._new_pool(PLAIN)}
        self._named_files: dict[int, NamedFiles] = {}
        self._files_timer: asyncio.TimerHandle | None = None
        self._reserved: dict[int, Reservation] = {}
        self._removal = Removal()
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
            await launcher._answer(launcher._pools[PLAIN].wait_until_full())
        except BaseException:
            launcher.kill()
            await launcher.close()
            raise
        return launcher

    @property
    def pid(self) -> int:
        return self._process.pid

    async def return_code(self) -> int:
        """Waits for the process to end. A negative number is that of the signal that has ended it."""
        return await self._process.wait()

    @property
    def running_children(self) -> int:
        """Number of processes that run, one for each stage."""
        return len(self._runs)

    def equip(self, outfits: Mapping[str, Outfit]) -> None:
        """Keeps spares ready for the named kinds of commands, besides the plain ones."""
        for name, outfit in outfits.items():
            kind = len(self._pools)
            self._kinds[name], self._outfits[kind], self._pools[kind] = kind, outfit, self._new_pool(kind)
            self._named_files[kind] = NamedFiles(outfit.sandbox)  # before a spare opens them
            self._link.send(encode(Equipment(kind, outfit)))
            self._pools[kind].fill()
        self._check_files_later()

    async def reserve(self, name: str) -> Reservation | None:
        """Takes a spare for one command of the kind; `release` gives it up.

        Returns None if there are no spares of the kind, or none can be forked. Then the command gets a plain one.
        """
        kind = self._kinds.get(name)
        if kind is None:
            return None
        if self._named_files[kind].programs_have_changed():
            self._pools[kind].renew()
        try:
            [spare] = await self._answer(self._pools[kind].take(1))
        except (ForkError, LauncherGoneError):
            return None
        reservation = self._reserved[spare.child] = Reservation(spare, self._outfits[kind])
        return reservation

    def release(self, reservation: Reservation) -> None:
        """Ends the reservation, after the end of its command. Replaces the spare and removes its empty directory."""
        self._reserved.pop(reservation.child, None)
        reservation.release()
        self._removal.add(reservation.directory)
        for kind, outfit in self._outfits.items():
            if outfit is reservation.outfit:
                self._pools[kind].fill()

    async def run(self, stages: Sequence[Stage], *, first: Reservation | None = None) -> Run:
        """Starts the stages together, the first one in the reserved spare. A cancelled call starts none of them.

        Takes ownership of the stages' descriptors at once. Raises MessageTooLargeError or LauncherGoneError. If a
        stage cannot be started, `Run.wait` reports it.
        """
        if not stages:
            raise ValueError("a run has at least one stage")
        try:
            packets = [_packet(stage, None if place else first) for place, stage in enumerate(stages)]
            return self._begin(await self._spares(len(stages), first), packets, stages)
        except ForkError as error:
            return Run.not_started(len(stages), reason=f"launcher: {error}")
        finally:
            close_all(itertools.chain.from_iterable(stage.given.values() for stage in stages))

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
        self._pools[PLAIN].fill()

    def _new_pool(self, kind: int) -> SparePool:
        return SparePool(self._spare_count, request=lambda count: self._link.send(encode(ForkRequest(count, kind))))

    async def _answer(self, waiting: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                return await waiting
        except TimeoutError as error:
            self.kill()
            raise LauncherGoneError("the launcher did not answer and was killed") from error

    async def _spares(self, count: int, first: Reservation | None) -> list[Spare]:
        """Takes as many spares as needed, or none. Raises ForkError or LauncherGoneError."""
        plain = await self._answer(self._pools[PLAIN].take(count - (first is not None)))
        try:
            if self.gone.is_set():
                raise LauncherGoneError("the launcher is gone")
            return [first.use(), *plain] if first else plain
        except BaseException:
            for spare in plain:
                self._pools[PLAIN].put_back(spare)
            raise

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

    def _check_files_later(self) -> None:
        if self._files_timer is not None:
            self._files_timer.cancel()
        if not self.gone.is_set():
            self._files_timer = asyncio.get_running_loop().call_later(FILES_CHECK_S, self._check_files)

    def _check_files(self) -> None:
        for kind, files in self._named_files.items():
            if files.have_changed():
                self._pools[kind].renew()
        self._check_files_later()

    def _send_signal(self, child: int, signum: int) -> None:
        self._link.send(encode(SignalRequest(child, int(signum))))

    def _on_packet(self, packet: bytes, descriptors: list[int]) -> None:
        message = decode(packet)
        if isinstance(message, ChildForked):
            self._on_forked(message, descriptors)
        elif isinstance(message, ForkFailed):
            self._pools[message.kind].fail(message.reason)
        elif isinstance(message, ChildEnded):
            self._on_ended(message)

    def _on_forked(self, message: ChildForked, descriptors: list[int]) -> None:
        pool = self._pools[message.kind]
        outfit = self._outfits.get(message.kind)
        if len(descriptors) < (_PREPARED_DESCRIPTORS if outfit else 1):  # the kernel dropped what exceeds the limit
            close_all(descriptors)
            self._send_signal(message.child, signal.SIGKILL)
            pool.fail("the worker is out of file descriptors")
            return
        control = Channel.from_descriptor(descriptors[0])
        prepared = Prepared(Path(outfit.directory(message.child)), *descriptors[1:]) if outfit else None
        pool.add(Spare(message.child, message.pid, control, prepared))

    def _on_ended(self, message: ChildEnded) -> None:
        if (run := self._runs.pop(message.child, None)) is not None:
            run.note_exit(message.child, message.exit)
        elif (reservation := self._reserved.pop(message.child, None)) is not None:
            reservation.lose()
        else:
            for pool in self._pools.values():
                pool.forget(message.child)

    def _on_end(self) -> None:
        self.gone.set()
        if self._files_timer is not None:
            self._files_timer.cancel()
        for run in set(self._runs.values()):
            if not self._is_closing:
                _kill_groups(run)  # the group leaders died with the launcher, but their children may live
            run.note_gone()
        self._runs.clear()
        for pool in self._pools.values():
            pool.close()

    def kill(self) -> None:
        """Kills a launcher that hangs, and thereby every process that it started."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()


def _packet(stage: Stage, reservation: Reservation | None) -> bytes:
    spec = replace(stage.spec, places=tuple(stage.given))
    if reservation is not None:
        return encode(reservation.fitted(spec))
    if len(spec.places) < len(stage.descriptors):
        raise ValueError("a plain spare has no input and no pipes")
    return encode(spec)


def _kill_groups(run: Run) -> None:
    for process_group in run.living_groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process_group, signal.SIGKILL)


def _command(socket_descriptor: int, work_directory: Path) -> list[str]:
    # -I and -S: no environment, no user or site packages. The search path is the root of this package, and before it,
    # while the modules are loaded, the folder of the stand-ins.
    here = Path(__file__).parent
    return [
        *(sys.executable, "-I", "-S", "-X", "utf8", "-c", _BOOTSTRAP, str(here / "light"), str(here.parents[1])),
        *("--socket", str(socket_descriptor), "--work-directory", str(work_directory)),
    ]
