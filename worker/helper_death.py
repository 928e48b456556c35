"""The death of one of the worker's helper processes, which ends the worker too: which one it was, and how it ended."""

import asyncio
import signal
from collections.abc import Mapping
from typing import Protocol

import structlog

EXIT_TIMEOUT_S = 2.0
"""Seconds to wait until the system tells how the process ended: its connection to the worker ends a little earlier."""
DUTIES = {
    "door": "through which commands reach their API servers",
    "launcher": "which starts the commands",
}
"""Helper process → what it is for, for operators."""

log = structlog.get_logger()


class Helper(Protocol):
    """A helper process."""

    gone: asyncio.Event

    async def return_code(self) -> int:
        """Waits for the process to end. A negative number is that of the signal that has ended it."""


async def first(helpers: Mapping[str, Helper], stop: asyncio.Event) -> str | None:
    """Waits for `stop` or for the death of a helper process. Returns what died and how; None after `stop`."""
    stopping = asyncio.create_task(stop.wait(), name="stop")
    dying = {asyncio.create_task(helper.gone.wait(), name="helper gone"): name for name, helper in helpers.items()}
    done, pending = await asyncio.wait({stopping, *dying}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    if stopping in done:
        return None
    name = next(dying[task] for task in done)
    ended = await _how_it_ended(helpers[name])
    log.error("helper process died: the commands that need it end, and so does the worker", helper=name, ended=ended)
    return f"the worker's {name}, the process {DUTIES[name]}, {ended}"


async def _how_it_ended(helper: Helper) -> str:
    try:
        async with asyncio.timeout(EXIT_TIMEOUT_S):
            code = await helper.return_code()
    except TimeoutError:
        return "does not answer any more"
    return f"ended with exit code {code}" if code >= 0 else f"was ended by {_signal(-code)}"


def _signal(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
