"""Tasks that continue after the request that started them is cancelled. A gateway that stops waits for them."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

CLOSE_TIMEOUT_S = 5.0

Result = TypeVar("Result")

log = structlog.get_logger()


class Background:
    """Owns the background tasks. Unlike in a task group, a task that fails does not end the others."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, coroutine: Coroutine[Any, Any, Result], name: str) -> "asyncio.Task[Result]":
        """Runs the coroutine as a task. An error in it is logged, and raised again where the task is awaited."""
        task = asyncio.create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """Waits up to `CLOSE_TIMEOUT_S` for the running tasks, and then cancels the rest."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_TIMEOUT_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("background task failed", task=task.get_name(), exc_info=error)
