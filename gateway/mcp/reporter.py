"""Sends progress notifications during a call that waits: what its command prints, and what the command waits for.

https://modelcontextprotocol.io/specification: `notifications/progress`, for clients that ask for them.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

from gateway.jobs.event_stream import EventStream, Place, StreamEvent
from gateway.mcp.exchange import Context
from shared.events import EventKind
from shared.models import JobId

FIRST_AFTER_S = 1.0
"""Seconds before the first notification. Most commands have ended by then, so their calls need none."""
SHORTEST_S = 1.0
"""Shortest time between two notifications, even if the command prints more."""
LONGEST_S = 5.0
"""Longest time between two notifications, because some clients take them as a sign of life."""
MOST_LINES = 10
MOST_LINE_CHARACTERS = 500


class News:
    """The news since the last notification: the newest lines, and the number of older lines that are left out."""

    def __init__(self, known: str | None = None) -> None:
        self.arrived = asyncio.Event()
        self._known = known
        """Newest message about what the command waits for."""
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._passed_over = 0
        self._unfinished: dict[str, str] = {}
        if known:
            self.arrived.set()

    def take(self, event: StreamEvent) -> None:
        """Takes an event of a job's stream. Ignores events that only tell its state."""
        if event.name == EventKind.PROGRESS:
            self._known = event.data["text"]
            self._add(event.data["text"])
        elif event.name in (EventKind.STDOUT, EventKind.STDERR):
            *lines, unfinished = (self._unfinished.get(event.name, "") + event.data["text"]).split("\n")
            self._unfinished[event.name] = unfinished[-MOST_LINE_CHARACTERS:]
            for line in lines:
                self._add(line)

    def message(self, waited_s: float) -> str:
        """Returns the new lines; if there are none, what the command waits for and for how long."""
        self.arrived.clear()
        lines, passed_over = list(self._lines), self._passed_over
        self._lines.clear()
        self._passed_over = 0
        if lines:
            return "\n".join([*([f"({passed_over} lines more)"] if passed_over else []), *lines])
        return f"{self._known or 'waiting for the command'}, {waited_s:.0f} s so far"

    def _add(self, line: str) -> None:
        if line.strip():
            self._passed_over += len(self._lines) == MOST_LINES
            self._lines.append(line[:MOST_LINE_CHARACTERS])
            self.arrived.set()


@asynccontextmanager
async def reporting(
    stream: EventStream, context: Context, job_id: JobId, *, after: Place | None = None, known: str | None = None
) -> AsyncIterator[None]:
    """Reports the job's events after that place while the block runs, if the client has sent a progress token."""
    if "progress_token" not in (context.meta or {}):
        yield
        return
    news = News(known)
    tasks = (
        asyncio.create_task(_follow(stream.follow(job_id, after or Place()), news), name=f"follow {job_id}"),
        asyncio.create_task(_report(context, news), name=f"report {job_id}"),
    )
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        # An error here means that the client has gone, and the code that waits for its call notices that.
        await asyncio.gather(*tasks, return_exceptions=True)


async def _follow(following: AsyncGenerator[StreamEvent], news: News) -> None:
    async with aclosing(following) as events:
        await asyncio.sleep(FIRST_AFTER_S)
        async for event in events:
            news.take(event)


async def _report(context: Context, news: News) -> None:
    clock = asyncio.get_running_loop().time
    started = clock()
    count = 0
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_S):
                await news.arrived.wait()
        count += 1
        await context.session.report_progress(count, message=news.message(clock() - started))
        await asyncio.sleep(SHORTEST_S)
