"""Wakes the requests on this gateway that follow a job's output, when a notice says that the job has changed.

Once a second, the progress of all followed jobs is read in one batch, in case a message was lost. A job without news
wakes no follower, so a thousand followers of silent jobs cost little.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.models import JobId
from shared.store.job_store import Progress


class Followers:
    """The followers of each job. The owner of this object asks for the notices."""

    def __init__(self) -> None:
        self._events: dict[JobId, set[asyncio.Event]] = {}
        self._seen: dict[JobId, Progress] = {}
        """Job id → progress at the last check."""

    @property
    def job_ids(self) -> list[JobId]:
        return list(self._events)

    @asynccontextmanager
    async def woken(self, job_id: JobId) -> AsyncIterator[tuple[asyncio.Event, bool]]:
        """Yields an event that is set when the job may have news, and whether this is the job's first follower here."""
        event = asyncio.Event()
        events = self._events.setdefault(job_id, set())
        is_first = not events
        events.add(event)
        try:
            yield event, is_first
        finally:
            events.discard(event)
            if not events and self._events.get(job_id) is events:
                del self._events[job_id]
                self._seen.pop(job_id, None)

    def follows(self, job_id: JobId) -> bool:
        return job_id in self._events

    def wake(self, job_id: JobId) -> None:
        for event in self._events.get(job_id, ()):
            event.set()

    def show(self, job_id: JobId, progress: Progress) -> None:
        """Wakes the job's followers if its progress has changed since the last check."""
        if job_id in self._events and self._seen.get(job_id) != progress:
            self._seen[job_id] = progress
            self.wake(job_id)

    def wake_all(self) -> None:
        for events in self._events.values():
            for event in events:
                event.set()
