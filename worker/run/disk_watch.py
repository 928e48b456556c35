"""Ends a command whose files together grow too large. The kernel's limit applies only to each single file."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from worker.job_control import JobControl

INTERVAL_S = 1.0
BLOCK_BYTES = 512
"""The unit of `st_blocks` (stat(2))."""


@asynccontextmanager
async def watching(directory: Path, limit_bytes: int, control: JobControl) -> AsyncIterator[None]:
    """Measures the directory while the block runs, and stops the command when its files exceed the limit.

    The task starts with the first look, because most commands have ended before.
    """
    tasks: list[asyncio.Task[None]] = []

    def start() -> None:
        tasks.append(asyncio.create_task(_watch(directory, limit_bytes, control), name="watch disk"))

    first_look = asyncio.get_running_loop().call_later(INTERVAL_S, start)
    try:
        yield
    finally:
        first_look.cancel()
        for task in tasks:
            task.cancel()
            await asyncio.wait({task})


async def _watch(directory: Path, limit_bytes: int, control: JobControl) -> None:
    while True:
        if await asyncio.to_thread(used_bytes, directory) > limit_bytes:
            control.fail(f"the command was ended because its files exceeded {limit_bytes} bytes together")
            return
        await asyncio.sleep(INTERVAL_S)


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
