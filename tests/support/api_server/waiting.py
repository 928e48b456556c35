"""What a request can wait for: a count, a stall's release, and its own client's leaving."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request


class Tally:
    """A number that only grows, and that can be waited for."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = asyncio.Event()

    def add(self) -> None:
        self.count += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def at_least(self, count: int) -> None:
        while self.count < count:
            await self._changed.wait()


@dataclass(frozen=True, slots=True)
class StallPoint:
    """`abandoned` counts the clients that left before the release."""

    reached: Tally = field(default_factory=Tally)
    abandoned: Tally = field(default_factory=Tally)
    released: asyncio.Event = field(default_factory=asyncio.Event)


class Stalls:
    """All stalls by name. A name exists once anybody says it; a released one stays open."""

    def __init__(self) -> None:
        self._points: defaultdict[str, StallPoint] = defaultdict(StallPoint)

    def __getitem__(self, name: str) -> StallPoint:
        return self._points[name]

    async def hold(self, name: str, request: Request) -> bool:
        """Whether the stall was released; otherwise the client has left. The request's body must have been read."""
        point = self._points[name]
        point.reached.add()
        try:
            await until_first(point.released.wait(), client_left(request))
        finally:
            if not point.released.is_set():
                point.abandoned.add()
        return point.released.is_set()


async def client_left(request: Request) -> None:
    """The request's body must have been read: this drops whatever else arrives."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def until_first(*ways_out: Coroutine[Any, Any, object]) -> None:
    """Waits for one of them, and cancels the others."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(way_out) for way_out in ways_out]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
