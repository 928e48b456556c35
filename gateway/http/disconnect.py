"""Stops waiting on behalf of a request when its client disconnects."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import Request

from gateway.jobs.delivery import ClientGoneError

Result = TypeVar("Result")


async def unless_gone(request: Request, awaitable: Awaitable[Result]) -> Result:
    """Returns the result of `awaitable`. If the client disconnects first, cancels it and raises `ClientGoneError`."""
    work = asyncio.ensure_future(awaitable)
    gone = asyncio.create_task(_disconnect(request), name="watch for disconnect")
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        raise ClientGoneError
    finally:
        for task in (work, gone):
            task.cancel()
        await asyncio.wait({work, gone})


async def _disconnect(request: Request) -> None:
    """Returns when the connection is closed. The body was already read, so no other message can come."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
