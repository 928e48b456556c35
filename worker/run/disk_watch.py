"""Ends a command whose files together grow too large. The kernel's limit applies only to each single file."""

import os
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from worker.job_control import JobControl
from worker.run import limit_watch

INTERVAL_S = 1.0
BLOCK_BYTES = 512
"""The unit of `st_blocks` (stat(2))."""


def watching(directory: Path, limit_bytes: int, control: JobControl) -> AbstractAsyncContextManager[None]:
    """Measures the directory while the block runs, and stops the command when its files exceed the limit."""

    def look() -> str | None:
        if used_bytes(directory) <= limit_bytes:
            return None
        return f"the command was ended because its files exceeded {limit_bytes} bytes together"

    return limit_watch.watching(look, control, every_s=INTERVAL_S)


def used_bytes(directory: Path) -> int:
    """Returns the bytes that the files below the directory take on disk. Files that disappear meanwhile count 0."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_blocks * BLOCK_BYTES
            except OSError:
                continue
    return total
