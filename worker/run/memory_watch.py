"""Ends a command whose processes use too much memory together.

The kernel's limit on address space is coarse, because the CLIs reserve far more than they use, and it applies to each
single process. A cgroup would need a writable cgroup file system, which containers do not give to their processes.
Only Linux tells what a process uses; elsewhere nothing is measured.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from worker.job_control import JobControl
from worker.run import limit_watch

INTERVAL_S = 0.25
"""Seconds between two looks. A program can take about a GB in this time, which the limit on address space holds."""

_REASON = "the command was ended because it used more than {} bytes of memory"
_OWN = (b"RssAnon:", b"RssShmem:", b"VmSwap:")
"""What /proc/PID/status counts as memory of the process (proc_pid_status(5)), without the program's file. In kB."""
_KB = 1024


def watching(
    processes: Callable[[], Iterable[int]], limit_bytes: int, control: JobControl
) -> AbstractAsyncContextManager[None]:
    """Measures the processes and their children while the block runs, and stops the command above the limit."""

    def look() -> str | None:
        if sum(map(used_bytes, processes())) <= limit_bytes:
            return None
        return _REASON.format(limit_bytes)

    return limit_watch.watching(look, control, every_s=INTERVAL_S)


def is_reason(reason: str) -> bool:
    """Returns whether a command was ended for this reason."""
    return reason.startswith(_REASON.partition("{")[0])


def used_bytes(process: int) -> int:
    """Returns the bytes of memory that a process and its descendants use. Processes that have ended count 0."""
    return sum(_own_bytes(each) for each in _with_descendants(process))


def _with_descendants(process: int) -> Iterator[int]:
    yield process
    for child in _children(process):
        yield from _with_descendants(child)


def _children(process: int) -> list[int]:
    """Each thread lists the children that it has started."""
    threads = f"/proc/{process}/task"
    try:
        lists = [Path(f"{threads}/{thread}/children").read_bytes() for thread in os.listdir(threads)]
    except OSError:
        return []
    return [int(child) for each in lists for child in each.split()]


def _own_bytes(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_bytes().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * _KB for line in lines if line.startswith(_OWN))
