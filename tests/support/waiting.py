"""Waiting for a condition: the one place in the tests that polls."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable

INTERVAL_S = 0.01

Condition = Callable[[], object | Awaitable[object]]


async def wait_until(condition: Condition, *, timeout_s: float = 20, interval_s: float = INTERVAL_S) -> None:
    """Polls until the condition holds, which may be asynchronous; `AssertionError` when the time is over."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                if await _holds(condition):
                    return
                await asyncio.sleep(interval_s)
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s} s: {_name(condition)}") from None


def wait_blocking(condition: Callable[[], object], *, timeout_s: float = 20) -> None:
    """`wait_until` for fixtures that are not asynchronous."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {_name(condition)}")
        time.sleep(INTERVAL_S)


async def _holds(condition: Condition) -> bool:
    answer = condition()
    return bool(await answer if isawaitable(answer) else answer)


def _name(condition: Condition) -> str:
    return getattr(condition, "__qualname__", repr(condition))
