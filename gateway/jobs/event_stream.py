"""What has happened to a job and what happens, one event after the other, from any place that a client has reached.

Each follower reads the stored stream by itself, page by page, and so at the speed of its own client. Nothing is kept
for it here but its place.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from gateway import store_calls
from gateway.jobs.responses import ResponseReader, opened
from gateway.jobs.waiters import JobWaiters
from shared import terminal
from shared.errors import UnavailableError
from shared.events import OutputEvent, attempt_of
from shared.models import JobId, JobState
from shared.sealing.fernet_keys import DataKey, SealError
from shared.store.job_store import JobStore, SealedEvent, StoredJob
from shared.store.record import JobRecord, moment

PAGE = 8
"""Events of 64 KiB and more: this is all that a client which reads slowly costs, beside what its connection buffers."""
RETRY_S = 1.0
IDLE_CHECK_S = 30.0
"""The waiters' sweep looks each second: this is for one that stands still."""
ENDED, CLOSED = 8, 9
"""How far a job is: 1 queued, 2 running; 3 begun again, 4 queued, 5 running for the second time; these two last."""
NOT_OPENED = "the output does not open with this gateway's master keys"
PLACE = re.compile(r"(\d{1,15})-(\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client is: the newest output that it has, and how far it knows the job's state."""

    sequence: int = 0
    state: int = 0

    @classmethod
    def parse(cls, text: str) -> "Place | None":
        match = PLACE.fullmatch(text)
        return cls(int(match[1]), int(match[2])) if match else None

    def __str__(self) -> str:
        return f"{self.sequence}-{self.state}"

    @property
    def attempt(self) -> int:
        """The newest attempt that the client knows of; 0 while it knows of none."""
        by_state = self.state // 3 + 1 if 1 < self.state < ENDED else 0
        return max(by_state, attempt_of(self.sequence) if self.sequence else 0)

    def is_before(self, attempt: int) -> bool:
        """Whether the client has something of an earlier attempt."""
        return 0 < self.attempt < attempt

    def restarted(self, attempt: int) -> "Place":
        """The place of who has been told that the attempt begins."""
        return Place(self.sequence, max(self.state, 3 * attempt - 3))

    @property
    def is_last(self) -> bool:
        """Nothing comes after it."""
        return self.state >= CLOSED


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event: its name, its data, and the place of a client that has it."""

    name: str
    data: Mapping[str, Any]
    place: Place


@dataclass(frozen=True, slots=True)
class EventStream:
    """The events of the jobs of this gateway's callers."""

    store: JobStore
    waiters: JobWaiters
    responses: ResponseReader

    async def follow(self, job_id: JobId, place: Place) -> AsyncGenerator[StreamEvent]:
        """Events after that place, as they come; ends with the job's, or without one when this gateway stops.

        Through an outage of Redis it waits.
        """
        async with self.waiters.follow(job_id) as news:
            while not self.waiters.is_draining:
                news.clear()
                patience_s = IDLE_CHECK_S
                try:
                    async with aclosing(self._news(job_id, place)) as events:
                        async for event in events:
                            place = event.place
                            yield event
                            if place.is_last:
                                return
                except UnavailableError:
                    patience_s = RETRY_S
                with suppress(TimeoutError):
                    async with asyncio.timeout(patience_s):
                        await news.wait()

    async def _news(self, job_id: JobId, place: Place) -> AsyncGenerator[StreamEvent]:
        # The record first: what it says to be over has all of its output stored.
        async with store_calls.bounded(job_id):
            [stored] = await self.store.read([job_id])
        if stored is None:
            yield StreamEvent("end", {"state": None}, Place(place.sequence, CLOSED))
            return
        for event in _changes(stored, place):
            place = event.place
            yield event
        try:
            key = self.responses.output_key(stored.record)
        except SealError:
            yield StreamEvent("end", {"state": stored.record.state, "error": NOT_OPENED}, Place(place.sequence, CLOSED))
            return
        while page := await self._page(job_id, place):
            for event in _printed(page, place, key):
                place = event.place
                yield event
        if stored.record.state.is_final:
            if place.state < ENDED:
                place = Place(place.sequence, ENDED)
                yield StreamEvent("state", _state(stored), place)
            yield StreamEvent("end", await self._end(stored), Place(place.sequence, CLOSED))

    async def _page(self, job_id: JobId, place: Place) -> list[SealedEvent]:
        async with store_calls.bounded(job_id):
            return await self.store.events(job_id, after=place.sequence, limit=PAGE)

    async def _end(self, stored: StoredJob) -> Mapping[str, Any]:
        async with store_calls.bounded(stored.record.id):
            response = await self.responses.response(stored)
        end = {"state": response.state, "success": response.success, "exit_code": response.exit_code}
        return {**end, "hint": response.hint} if response.hint else end


def _changes(stored: StoredJob, place: Place) -> Iterator[StreamEvent]:
    """What happened before the output that comes next; what a client that knows of the end has missed is over."""
    if place.state >= ENDED:
        return
    state, attempt = _progress(stored.record)
    if place.is_before(attempt):
        place = place.restarted(attempt)
        yield _restart(place, attempt)
    if place.state < state < ENDED:
        yield StreamEvent("state", _state(stored), Place(place.sequence, state))


def _printed(page: Sequence[SealedEvent], place: Place, key: DataKey) -> Iterator[StreamEvent]:
    """The record may have been read before the attempt began that has printed this."""
    for sealed in page:
        attempt = attempt_of(sealed.sequence)
        if place.is_before(attempt):
            place = place.restarted(attempt)
            yield _restart(place, attempt)
        place = Place(sealed.sequence, place.state)
        yield _output(opened(key, sealed), place)


def _progress(record: JobRecord) -> tuple[int, int]:
    """How far the job is, and the attempt that prints or will print."""
    if record.state is JobState.QUEUED:
        return 3 * record.attempt + 1, record.next_attempt
    return (3 * record.attempt - 1 if record.state is JobState.RUNNING else ENDED), record.next_attempt


def _restart(place: Place, attempt: int) -> StreamEvent:
    """What the client has of the output is void: the command begins anew."""
    return StreamEvent("restart", {"attempt": attempt}, place)


def _state(stored: StoredJob) -> Mapping[str, Any]:
    record = stored.record
    moments = {"queued": record.created_at, "running": record.started_at}
    at = moments.get(record.state, record.ended_at)
    return {"state": record.state, "at": at.isoformat() if at else None}


def _output(event: OutputEvent, place: Place) -> StreamEvent:
    text = terminal.plain(event.content.decode("utf-8", "replace"))
    return StreamEvent(event.kind, {"text": text, "at": moment(event.at_ms).isoformat(timespec="milliseconds")}, place)
