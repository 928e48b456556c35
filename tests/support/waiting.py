"""Waiting for a condition: the one place in the tests that polls."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TypeVar

INTERVAL_S = 0.01

Value = TypeVar("Value")


async def wait_until(condition: Callable[[], Value | Awaitable[Value]], *, timeout_s: float = 5) -> Value:
    """Polls until the condition holds and returns what it gave; `AssertionError` when the time is over."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                answer = condition()
                value = await answer if isawaitable(answer) else answer
                if value:
                    return value
                await asyncio.sleep(INTERVAL_S)
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s} s: {_name(condition)}") from None


def wait_blocking(condition: Callable[[], Value], *, timeout_s: float = 5) -> Value:
    """`wait_until` for fixtures that are not asynchronous."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {_name(condition)}")
        time.sleep(INTERVAL_S)
    return value


def _name(condition: Callable[[], object]) -> str:
    return getattr(condition, "__qualname__", repr(condition))
