"""Writes docs/performance.md: the table of one run, and the machine on which it ran."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from bench import table
from bench.table import Row

PATH = Path("docs/performance.md")
CPU_INFO = Path("/proc/cpuinfo")

TEXT = """\
# Performance

`make bench ARGS=--write` measures these values, compares them with their budgets and writes this page. Milliseconds
depend on the machine; counts do not. Ratios compare with the same CLI, started directly in the same run, in turn with
ours.

{table}

Measured on {day}: {machine}, Python {python}. One gateway, one worker, an append-only Valkey and the callers
ran on this machine. The load average was {load_before:.1f} before and {load_after:.1f} after.
"""


def write(rows: list[Row], *, load_before: float) -> None:
    """Replaces the page."""
    text = TEXT.format(
        table=table.render(rows),
        day=datetime.now(UTC).date(),
        machine=machine(),
        python=platform.python_version(),
        load_before=load_before,
        load_after=os.getloadavg()[0],
    )
    PATH.write_text(text)


def machine() -> str:
    """Describes the machine's processor."""
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} cores of {models[0] if models else platform.processor() or platform.machine()}"
