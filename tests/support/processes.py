"""Child processes of the test run: how they die with it, and which are left."""

import contextlib
import ctypes
import os
import sys
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
ENDED_STATES = "ZX"
DIE_WITH_PARENT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""

long_lived: set[int] = set()
"""Process ids of what a session's fixtures started: not left behind by the test that happened to need it first."""


def dying_with_parent(command: list[str]) -> list[str]:
    """The command, so that it never outlives the tests. Linux only.

    The kernel watches the *thread* that started it (prctl(2)): one that stays.
    """
    if sys.platform != "linux":
        return command
    return [sys.executable, "-ISc", DIE_WITH_PARENT, str(os.getpid()), *command]


def adopt_orphans() -> None:
    """Makes grandchildren whose parent has died children of this process, so that they are seen. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def left_behind() -> dict[int, str]:
    """Children that still run, but for the long-lived ones: process id → command line. Empty without /proc."""
    children: set[int] = set()
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended since
            children.update(int(pid) for pid in path.read_text().split())
    found = {pid: _command(pid) for pid in sorted(children - long_lived)}
    return {pid: command for pid, command in found.items() if command is not None}


def _command(pid: int) -> str | None:
    """None for a process that has ended."""
    process = Path("/proc") / str(pid)
    try:
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        return None if state in ENDED_STATES else (process / "cmdline").read_text().replace("\0", " ").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
