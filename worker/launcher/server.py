"""The launcher's loop: it forks and signals children on request and reports their ends. One thread, no asyncio.

It neither sees a command nor decides anything, because the worker sends each spec directly to a waiting child.
When the worker has ended, the launcher kills everything that it started and then ends.
"""

import contextlib
import itertools
import os
import selectors
import signal
import time

from worker.launcher import child
from worker.launcher.channel import PARENT_POLL_S, Channel, channel_pair, close_all
from worker.launcher.child import Given, Origin
from worker.launcher.protocol import (
    PLAIN,
    WORK,
    ChildEnded,
    ChildForked,
    Equipment,
    ForkFailed,
    ForkRequest,
    Outfit,
    ProtocolError,
    SignalRequest,
    StageExit,
    decode,
    encode,
)
from worker.launcher.reaper import has_children, kill_group, kill_strays, reap, signal_group

FINAL_REAP_S = 5.0
"""Seconds to wait at the end for killed processes, before their work directory is removed."""


class WorkerGoneError(Exception):
    """The worker has ended."""


class Server:
    """Serves one worker until the worker ends."""

    def __init__(self, worker: Channel) -> None:
        self._worker = worker
        self._parent_pid = os.getppid()
        self._numbers = itertools.count(1)
        self._outfits: dict[int, Outfit | None] = {PLAIN: None}
        self._child_of: dict[int, int] = {}
        """Process id → child number, from the fork until the child is reaped."""
        self._child_ended = _wake_on_child_end()
        self._origin = Origin.here()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._child_ended, selectors.EVENT_READ, self._reap)
        self._selector.register(worker, selectors.EVENT_READ, self._serve_packet)

    def serve(self) -> None:
        """Returns when the worker has ended and everything that it started is dead."""
        try:
            while True:
                self._turn()
        except WorkerGoneError:
            pass
        finally:
            self._selector.unregister(self._worker)
            self._end_everything()

    def _turn(self) -> None:
        for key, _ in self._selector.select(PARENT_POLL_S):
            key.data()
        if os.getppid() != self._parent_pid:  # the only sign on systems whose sockets have no end of file
            raise WorkerGoneError

    def _serve_packet(self) -> None:
        try:
            packet, _ = self._worker.receive()
        except ConnectionError as error:
            raise WorkerGoneError from error
        if not packet:
            raise WorkerGoneError
        message = decode(packet)
        if isinstance(message, ForkRequest):
            for _ in range(message.count):
                self._fork(message.kind)
            self._rehearse()
        elif isinstance(message, Equipment):
            self._outfits[message.kind] = message.outfit
        elif isinstance(message, SignalRequest):
            self._signal(message)
        else:
            raise ProtocolError("workers do not send packets of this kind")

    def _fork(self, kind: int) -> None:
        number = next(self._numbers)
        outfit = self._outfits[kind]
        try:
            pid, descriptors = _fork_child(self._origin) if outfit is None else _equipped(self._origin, outfit, number)
        except OSError as error:
            self._say(ForkFailed(error.strerror or type(error).__name__, kind))
            return
        self._child_of[pid] = number
        self._say(ChildForked(number, pid, kind), *descriptors)
        close_all(descriptors)

    def _rehearse(self) -> None:
        """Runs what the end of a child takes, while nobody waits for it. After a fork, the first run copies pages."""
        self._reap()
        encode(ChildEnded(0, StageExit(exit_code=0, signal=None)))

    def _signal(self, request: SignalRequest) -> None:
        for pid, number in self._child_of.items():
            if number == request.child:
                signal_group(pid, request.signal)

    def _reap(self) -> None:
        self._drain_wakeups()
        for ended in reap(self._child_of):
            number = self._child_of.pop(ended.pid, None)
            if number is not None:
                self._say(ChildEnded(number, ended.as_exit()))
        kill_strays(self._child_of)

    def _drain_wakeups(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._child_ended, 4096)

    def _say(self, message: ChildForked | ForkFailed | ChildEnded, *descriptors: int) -> None:
        # Blocks while the worker is too busy to read. The worker never blocks on this channel.
        try:
            self._worker.send(encode(message), descriptors)
        except ConnectionError as error:
            raise WorkerGoneError from error

    def _end_everything(self) -> None:
        deadline = time.monotonic() + FINAL_REAP_S
        for pid in self._child_of:
            kill_group(pid)
        while time.monotonic() < deadline:
            for ended in reap(self._child_of):
                self._child_of.pop(ended.pid, None)
            if not self._child_of and not has_children():
                break
            kill_strays(())
            self._selector.select(deadline - time.monotonic())
            self._drain_wakeups()


def _equipped(origin: Origin, outfit: Outfit, number: int) -> tuple[int, tuple[int, ...]]:
    """Forks a child with an outfit. Returns its pid and the worker's descriptors. Raises OSError."""
    directory = outfit.directory(number)
    pipes: list[int] = []
    try:
        os.mkdir(directory, 0o700)
        os.mkdir(f"{directory}/{WORK}", 0o700)
        for _ in range(2):
            pipes += os.pipe()
        stdout, childs_stdout, stderr, childs_stderr = pipes
        given = Given(outfit, directory, childs_stdout, childs_stderr)
        pid, control = _fork_child(origin, given)
    except OSError:
        close_all(pipes)
        for path in (f"{directory}/{WORK}", directory):
            with contextlib.suppress(OSError):
                os.rmdir(path)
        raise
    close_all((childs_stdout, childs_stderr))
    return pid, (*control, stdout, stderr)


def _fork_child(origin: Origin, given: Given | None = None) -> tuple[int, tuple[int, ...]]:
    """Returns the child's pid and the worker's end of its control channel. Raises OSError."""
    workers, childs = channel_pair()
    try:
        pid = os.fork()
        if pid == 0:
            child.live(childs, origin, given)
    except OSError:
        workers.close()
        raise
    finally:
        childs.close()
    return pid, (workers.detach(),)


def _wake_on_child_end() -> int:
    """Returns a descriptor that becomes readable when a child has ended."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    return reading
