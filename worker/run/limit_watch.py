"""Ends a command that exceeds a limit that the kernel does not enforce for all of its processes and files together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from worker.job_control import JobControl

Look = Callable[[], str | None]
"""Measures once, in a thread. Returns the reason to end the command, or None."""


@asynccontextmanager
async def watching(look: Look, control: JobControl, *, every_s: float) -> AsyncIterator[None]:
    """Looks again and again while the block runs, and stops the command when a look finds a reason.

    The task starts with the first look, because most commands have ended before.
    """
    tasks: list[asyncio.Task[None]] = []

    def start() -> None:
        tasks.append(asyncio.create_task(_watch(look, control, every_s), name="watch limit"))

    first_look = asyncio.get_running_loop().call_later(every_s, start)
    try:
        yield
    finally:
        first_look.cancel()
        for task in tasks:
            task.cancel()
            await asyncio.wait({task})


async def _watch(look: Look, control: JobControl, every_s: float) -> None:
    while True:
        reason = await asyncio.to_thread(look)
        if reason is not None:
            control.fail(reason)
            return
        await asyncio.sleep(every_s)
