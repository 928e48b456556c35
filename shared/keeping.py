"""Keeps what must not end by itself: the loops that renew, sweep, listen and announce for as long as a process runs."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from shared.redis_connection import UNAVAILABLE

RESTART_DELAY_S = 1.0

log = structlog.get_logger()


async def keep(run: Callable[[], Awaitable[None]], name: str) -> None:
    """Runs `run` again a second after each failure, until it returns or is cancelled.

    An error that nobody foresaw is logged with its traceback and ends neither the process nor its other loops: jobs
    run in it, and callers wait.
    """
    while True:
        try:
            await run()
            return
        except UNAVAILABLE as error:
            log.warning("redis unreachable", task=name, error=type(error).__name__)
        except Exception:
            log.exception("task failed and is started again", task=name)
        await asyncio.sleep(RESTART_DELAY_S)
