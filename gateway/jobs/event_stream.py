"""Streams the past and coming events of a job, from the place that a client has reached.

Each follower reads the stored events by itself, page by page, at the speed of its own client. The gateway keeps only
the follower's place.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from gateway import store_calls
from gateway.jobs.output_keys import opened
from gateway.jobs.responses import ResponseReader
from gateway.jobs.waiters import JobWaiters
from shared import terminal
from shared.changes import Change
from shared.errors import UnavailableError
from shared.events import EventKind, OutputEvent, attempt_of
from shared.models import JobId, JobState
from shared.sealing.fernet_keys import DataKey, SealError
from shared.store.attempts import SealedEvent
from shared.store.job_store import JobStore, StoredJob
from shared.store.record import JobRecord, moment

PAGE = 8
"""Events read at once, of about 64 KiB each. A slow client needs no more memory, besides its connection's buffers."""
RETRY_S = 1.0
IDLE_CHECK_S = 30.0
"""Longest time between two reads. The waiters check each second; this covers a check that hangs."""
ENDED, CLOSED = 8, 9
"""Last numbers of `Place.state`. Before: 1 queued, 2 running, 3 restarted, 4 queued and 5 running a second time."""
NOT_OPENED = "the output does not open with this gateway's master keys"
PLACE = re.compile(r"(\d{1,15})-(\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """How much a client has: `sequence` of its newest output, and `state`, the number of the newest state it knows."""

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
        """Number of the newest attempt that the client knows of; 0 if it knows none."""
        by_state = self.state // 3 + 1 if 1 < self.state < ENDED else 0
        return max(by_state, attempt_of(self.sequence) if self.sequence else 0)

    def is_before(self, attempt: int) -> bool:
        """Returns whether the client has output or a state of an earlier attempt."""
        return 0 < self.attempt < attempt

    def restarted(self, attempt: int) -> "Place":
        """Returns the place of a client that was told that the attempt begins."""
        return Place(self.sequence, max(self.state, 3 * attempt - 3))

    @property
    def is_last(self) -> bool:
        """Whether no event follows this place."""
        return self.state >= CLOSED


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event. `place` is the place of a client after it has received the event."""

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
        """Yields the events after that place as they come. Ends after the job's last event, or when the gateway stops.

        While Redis is not available, it waits.
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
                            if place.is_last or self.waiters.is_draining:
                                return
                except UnavailableError:
                    patience_s = RETRY_S
                with suppress(TimeoutError):
                    async with asyncio.timeout(patience_s):
                        await news.wait()

    async def _news(self, job_id: JobId, place: Place) -> AsyncGenerator[StreamEvent]:
        # The record is read before the events: if it says that the job has ended, all output is stored.
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
        optional = {"hint": response.hint, "changes": response.changes.summary if response.changes else None}
        return {
            "state": response.state,
            "success": response.success,
            "exit_code": response.exit_code,
            **{name: value for name, value in optional.items() if value},
        }


def _changes(stored: StoredJob, place: Place) -> Iterator[StreamEvent]:
    """Yields the state changes before the next output, but none if the client already knows the job's end."""
    if place.state >= ENDED:
        return
    state, attempt = _progress(stored.record)
    if place.is_before(attempt):
        place = place.restarted(attempt)
        yield _restart(place, attempt)
    if place.state < state < ENDED:
        yield StreamEvent("state", _state(stored), Place(place.sequence, state))


def _printed(page: Sequence[SealedEvent], place: Place, key: DataKey) -> Iterator[StreamEvent]:
    """Yields output, and a restart before a new attempt's: the record may have been read before that attempt began."""
    for sealed in page:
        attempt = attempt_of(sealed.sequence)
        if place.is_before(attempt):
            place = place.restarted(attempt)
            yield _restart(place, attempt)
        place = Place(sealed.sequence, place.state)
        yield _output(opened(key, sealed), place)


def _progress(record: JobRecord) -> tuple[int, int]:
    """Returns the number of the job's state, and the attempt that prints now or next."""
    if record.state is JobState.QUEUED:
        return 3 * record.attempt + 1, record.next_attempt
    return (3 * record.attempt - 1 if record.state is JobState.RUNNING else ENDED), record.next_attempt


def _restart(place: Place, attempt: int) -> StreamEvent:
    """Returns the event that tells a client to drop the output so far, because the command runs again."""
    return StreamEvent("restart", {"attempt": attempt}, place)


def _state(stored: StoredJob) -> Mapping[str, Any]:
    record = stored.record
    moments = {"queued": record.created_at, "running": record.started_at}
    at = moments.get(record.state, record.ended_at)
    return {"state": record.state, "at": at.isoformat() if at else None}


def _output(event: OutputEvent, place: Place) -> StreamEvent:
    at = moment(event.at_ms).isoformat(timespec="milliseconds")
    if event.kind is EventKind.CHANGE:
        change = Change.model_validate_json(event.content)
        return StreamEvent(event.kind, {**change.model_dump(mode="json"), "at": at}, place)
    text = terminal.plain(event.content.decode("utf-8", "replace"))
    return StreamEvent(event.kind, {"text": text, "at": at}, place)
