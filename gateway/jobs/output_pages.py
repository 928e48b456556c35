"""Reads a page of a job's output: the bytes that the process wrote, without decrypting the events before the page."""

from dataclasses import dataclass, field

from gateway import store_calls
from gateway.jobs.output_keys import opened
from gateway.jobs.responses import ResponseReader
from shared.errors import ErrorCode, UnavailableError
from shared.events import EventKind, OutputEvent, attempt_of, last_before
from shared.sealing.fernet_keys import DataKey, SealError
from shared.store.job_store import JobStore, StoredJob

READ_AT_ONCE = 8
"""Events read at once, of about 64 KiB each, so that one request needs little memory."""
MAX_OFFSET = 2**53
MOST_EVENTS = 1_000
"""Largest number of events decrypted for one page. The page is shorter if a command printed byte by byte."""


@dataclass(frozen=True, slots=True)
class OutputPage:
    """One page. The next page begins at byte `next_offset`. If `is_complete`, no page follows."""

    data: bytes
    next_offset: int
    stored_bytes: int
    """Bytes of the whole stream stored so far."""
    is_complete: bool
    attempt: int
    """Number of the attempt that printed this page. Pages of different attempts must not be joined."""


@dataclass(slots=True)
class _Cut:
    """Collects bytes of one stream from its events, from `position` on, up to `limit` bytes."""

    stream: EventKind
    position: int
    limit: int
    data: bytearray = field(default_factory=bytearray)

    @property
    def is_full(self) -> bool:
        return len(self.data) >= self.limit

    def take(self, event: OutputEvent) -> None:
        begin = event.before.get(self.stream, 0)
        # If Redis lost events in a restart, the bytes between are missing and are skipped.
        self.position = max(self.position, begin)
        if event.kind is self.stream:
            found = event.content[self.position - begin :][: self.limit - len(self.data)]
            self.data += found
            self.position += len(found)


@dataclass(frozen=True, slots=True)
class OutputPages:
    """The stored output of the jobs of this gateway's callers."""

    store: JobStore
    responses: ResponseReader

    async def served(self, stored: StoredJob, stream: EventKind, *, offset: int, limit: int) -> OutputPage:
        """Calls `page`. Raises `UnavailableError` if Redis is not available, or no master key here opens the output."""
        try:
            async with store_calls.bounded(stored.record.id):
                return await self.page(stored, stream, offset=offset, limit=limit)
        except SealError as error:
            raise UnavailableError(
                ErrorCode.STORE_UNAVAILABLE,
                "This gateway's master keys do not open the output: ask a gateway that has the keys of that time.",
                job_id=stored.record.id,
            ) from error

    async def page(self, stored: StoredJob, stream: EventKind, *, offset: int, limit: int) -> OutputPage:
        """Returns at most `limit` bytes from `offset` on. Raises `SealError` if no master key here opens the output."""
        key = self.responses.output_key(stored.record)
        newest = await self.store.newest_event(stored.record.id)
        attempt = attempt_of(newest) if newest else stored.record.next_attempt
        last = await self._event(stored, newest, key) if newest else None
        # The record was read before the events: if it says that the job has ended, all output is stored.
        total = _end(last, stream) if last else 0
        cut = _Cut(stream, min(offset, total), limit)
        if cut.position < total:
            await self._fill(cut, stored, total, first=await self._first(stored, cut, newest, key=key), key=key)
        is_complete = stored.record.state.is_final and cut.position >= total
        return OutputPage(bytes(cut.data), cut.position, total, is_complete, attempt)

    async def _fill(self, cut: _Cut, stored: StoredJob, total: int, *, first: int, key: DataKey) -> None:
        after = first - 1
        for _ in range(0, MOST_EVENTS, READ_AT_ONCE):
            page = await self.store.events(stored.record.id, after=after, limit=READ_AT_ONCE)
            for sealed in page:
                cut.take(opened(key, sealed))
                if cut.is_full or cut.position >= total:
                    return
            if not page:
                return
            after = page[-1].sequence

    async def _first(self, stored: StoredJob, cut: _Cut, newest: int, *, key: DataKey) -> int:
        """Returns the newest event at or before the cut's position, by binary search: events know their offset."""
        low, high = last_before(attempt_of(newest)) + 1, newest
        while low < high:
            middle = (low + high + 1) // 2
            event = await self._event(stored, middle, key)
            if event is None or event.before.get(cut.stream, 0) <= cut.position:
                low = middle
            else:
                high = middle - 1
        return low

    async def _event(self, stored: StoredJob, sequence: int, key: DataKey) -> OutputEvent | None:
        """Returns that event, or the next one if Redis lost it; None if its attempt's output was just deleted."""
        found = await self.store.events(stored.record.id, after=sequence - 1, limit=1)
        return opened(key, found[0]) if found else None


def _end(event: OutputEvent, stream: EventKind) -> int:
    return event.before.get(stream, 0) + (len(event.content) if event.kind is stream else 0)
