"""Restarts the loops that must run as long as the process does: those that renew, sweep, listen and announce."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from shared.redis.redis_connection import UNAVAILABLE, reason

RESTART_DELAY_S = 1.0
QUIET_S = 30.0
"""Seconds between two log lines of one loop about the same outage."""

log = structlog.get_logger()


async def restarted(step: Callable[[], Awaitable[None]], name: str) -> None:
    """Runs `step` again a second after each failure, until it returns or is cancelled.

    An unexpected error is logged with its traceback. It ends neither the process nor its other loops, because jobs may
    run and callers may wait.
    """
    clock = asyncio.get_running_loop().time
    quiet_until = 0.0
    while True:
        try:
            await step()
            return
        except UNAVAILABLE as error:
            if clock() >= quiet_until:
                quiet_until = clock() + QUIET_S
                log.warning("redis unreachable", task=name, error=type(error).__name__, reason=reason(error))
        except Exception:
            log.exception("task failed and is started again", task=name)
        await asyncio.sleep(RESTART_DELAY_S)
