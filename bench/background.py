"""Runs an asynchronous context in a thread of its own, for benchmarks whose callers block."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

import uvloop

START_TIMEOUT_S = 30.0

Value = TypeVar("Value")


@contextmanager
def entered(context: AbstractAsyncContextManager[Value], *, name: str) -> Iterator[Value]:
    """Yields what the context yields, while its event loop runs in a thread by that name."""
    ready: Future[tuple[Value, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        try:
            async with context as value:
                ready.set_result((value, asyncio.get_running_loop(), stop))
                await stop.wait()
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=lambda: uvloop.run(serve()), name=name)
    thread.start()
    value, loop, stop = ready.result(START_TIMEOUT_S)
    try:
        yield value
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
