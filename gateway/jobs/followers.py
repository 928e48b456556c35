"""Everyone on this gateway who follows a job as it runs: woken by its channel.

A notice that was lost shows once a second, when all jobs that are followed are looked at together: what is quiet then
wakes nobody, so a thousand followers of silent jobs cost next to nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.models import JobId
from shared.store import key_names
from shared.store.job_store import Progress


class Followers:
    """Whom to wake. Channels come and go with them, on the connection of whoever owns this."""

    def __init__(self) -> None:
        self._events: dict[JobId, set[asyncio.Event]] = {}
        self._seen: dict[JobId, Progress] = {}
        """How far each job was when all were looked at."""

    @property
    def job_ids(self) -> list[JobId]:
        return list(self._events)

    @property
    def channels(self) -> list[str]:
        return [key_names.changes(job_id) for job_id in self._events]

    @asynccontextmanager
    async def woken(self, job_id: JobId) -> AsyncIterator[tuple[asyncio.Event, bool]]:
        """An event that is set whenever there may be news of the job, and whether nobody here followed it before."""
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
        """Wakes them if the job is not where the look before this one found it."""
        if job_id in self._events and self._seen.get(job_id) != progress:
            self._seen[job_id] = progress
            self.wake(job_id)

    def wake_all(self) -> None:
        for events in self._events.values():
            for event in events:
                event.set()
