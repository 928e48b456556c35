"""Reaps ended children, and kills processes that escaped their process group.

A child is reaped only after the rest of its process group was killed. Until then its pid cannot be reused.
"""

import contextlib
import os
import signal
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from worker.launcher.kernel import IS_LINUX
from worker.launcher.protocol import StageExit

READ_BYTES = 64 * 1024
_CAN_LOOK_FIRST = hasattr(os, "waitid")
"""Whether `waitid` exists. macOS has it only since Python 3.13."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A reaped child."""

    pid: int
    status: int

    def as_exit(self) -> StageExit:
        code = os.waitstatus_to_exitcode(self.status)
        return StageExit(exit_code=code if code >= 0 else None, signal=-code if code < 0 else None)


def reap(leaders: Collection[int]) -> Iterator[Ended]:
    """Yields all children that have ended. If a child is in `leaders`, its process group is killed first."""
    with contextlib.suppress(ChildProcessError):
        while (ended := _next_ended(leaders)) is not None:
            yield ended


def has_children() -> bool:
    """Returns whether any child, known or not, lives or waits to be reaped. False if the system cannot tell."""
    if not _CAN_LOOK_FIRST:
        return False
    try:
        _peek()
    except ChildProcessError:
        return False
    return True


def _next_ended(leaders: Collection[int]) -> Ended | None:
    if not _CAN_LOOK_FIRST:
        return _next_ended_unseen(leaders)
    pid = _peek()
    if pid is None:
        return None
    if pid in leaders:
        kill_group(pid)
    return Ended(*os.waitpid(pid, 0))


def _next_ended_unseen(leaders: Collection[int]) -> Ended | None:
    ended = Ended(*os.waitpid(-1, os.WNOHANG))
    if ended.pid in leaders:  # its pid cannot be reused while its group has members
        kill_group(ended.pid)
    return ended if ended.pid else None


def _peek() -> int | None:
    """Returns an ended child without reaping it, or None if all live. Raises ChildProcessError without children."""
    found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return None if found is None else found.si_pid


def kill_strays(known: Collection[int]) -> None:
    """Kills orphans that were reparented to this process, unless they belong to a session in `known`.

    Every stage leads a session. An orphan in another session has started its own to outlive its command.
    """
    for pid in children():
        with contextlib.suppress(ProcessLookupError):
            if pid not in known and os.getsid(pid) not in known:
                os.kill(pid, signal.SIGKILL)


def children() -> list[int]:
    """Returns all children of this process, or an empty list if the system cannot tell."""
    if not IS_LINUX:
        return []
    try:
        listing = os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY)
    except OSError:
        return []
    try:
        return [int(pid) for pid in b"".join(iter(lambda: os.read(listing, READ_BYTES), b"")).split()]
    finally:
        os.close(listing)


def signal_group(pid: int, number: int) -> None:
    """Signals the group that `pid` leads. `pid` must not have been reaped, because it could then be reused."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:  # just forked, and not yet a group leader
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    except PermissionError:  # macOS: only zombies are left in the group
        pass


def kill_group(pid: int) -> None:
    """Sends SIGKILL to the group, as `signal_group` does."""
    signal_group(pid, signal.SIGKILL)
