"""Notices that the client of a request has gone, while something else is awaited for it."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import Request

from gateway.jobs.delivery import ClientGoneError

Result = TypeVar("Result")


async def unless_gone(request: Request, awaitable: Awaitable[Result]) -> Result:
    """The result of `awaitable`, which is cancelled with `ClientGoneError` when the client goes first."""
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
    """Returns when the connection is closed: the body was read before, so nothing else can come."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
