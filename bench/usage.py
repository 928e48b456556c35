"""What processes have used so far: CPU time and context switches, from proc_pid_stat(5) and its neighbours."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one process, or the difference of two moments."""

    cpu_s: float
    switches: float
    """Context switches, voluntary or not."""

    def __sub__(self, other: Self) -> "Usage":
        return Usage(self.cpu_s - other.cpu_s, self.switches - other.switches)

    def __mul__(self, times: float) -> "Usage":
        return Usage(self.cpu_s * times, self.switches * times)

    def __truediv__(self, count: float) -> "Usage":
        return Usage(self.cpu_s / count, self.switches / count)


def of(pid: int) -> Usage:
    """Returns the use of the process's living threads, without its children."""
    cpu_ns, switches = 0, 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        cpu_ns += int((task / "schedstat").read_text().split()[0])
        switches += _switches((task / "status").read_text())
    return Usage(cpu_ns / NS_PER_S, switches)


def with_ended_children_s(pid: int) -> float:
    """Returns user and system time with that of children that have ended, in seconds: fields 14 to 17."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS_PER_S


def children(pid: int) -> list[int]:
    """Returns the processes that it has started and that still run."""
    return [int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()]


def _switches(status: str) -> int:
    return sum(int(line.split()[1]) for line in status.splitlines() if "ctxt_switches" in line)
