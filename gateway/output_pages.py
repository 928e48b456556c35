"""A page of what a job has printed: the bytes as the process wrote them, found without opening all that come before."""

from dataclasses import dataclass

from gateway.responses import ResponseReader, opened
from shared.events import EventKind, OutputEvent, attempt_of, last_before
from shared.sealing import DataKey
from shared.store.job_store import JobStore, StoredJob

PAGE = 50


@dataclass(frozen=True, slots=True)
class OutputPage:
    """`next_offset` is where the next page begins; with `is_complete` there is none."""

    data: bytes
    next_offset: int
    is_complete: bool
    attempt: int
    """Pages of two attempts do not belong together."""


@dataclass(frozen=True, slots=True)
class OutputPages:
    """The stored output of the jobs of this gateway's callers."""

    store: JobStore
    responses: ResponseReader

    async def page(self, stored: StoredJob, stream: EventKind, *, offset: int, limit: int) -> OutputPage:
        """At most `limit` bytes from `offset` on; none where nothing is stored yet. `SealError` if it does not open."""
        key = self.responses.output_key(stored.record)
        newest = await self.store.newest_event(stored.record.id)
        attempt = attempt_of(newest) if newest else stored.record.next_attempt
        sequence = await self._first(stored, stream, offset, key=key, newest=newest)
        data, end = bytearray(), 0
        while len(data) <= limit and (
            page := await self.store.events(stored.record.id, after=sequence - 1, limit=PAGE)
        ):
            for sealed in page:
                event = opened(key, sealed)
                end = event.before.get(stream, 0)
                if event.kind is stream:
                    content = event.content
                    data += content[max(0, offset - end) :]
                    end += len(content)
            sequence = page[-1].sequence + 1
        del data[limit:]
        reached = min(offset, end) + len(data)
        return OutputPage(bytes(data), reached, stored.record.state.is_final and reached == end, attempt)

    async def _first(self, stored: StoredJob, stream: EventKind, offset: int, *, key: DataKey, newest: int) -> int:
        """The newest event that begins at the offset or before: by halves, for an attempt's sequence has no gaps."""
        low, high = last_before(attempt_of(newest)) + 1 if newest else 1, newest
        while low < high:
            middle = (low + high + 1) // 2
            event = await self._event(stored, middle, key)
            if event is None or event.before.get(stream, 0) <= offset:
                low = middle
            else:
                high = middle - 1
        return low

    async def _event(self, stored: StoredJob, sequence: int, key: DataKey) -> OutputEvent | None:
        """None where the output went with its attempt in this moment."""
        found = await self.store.events(stored.record.id, after=sequence - 1, limit=1)
        return opened(key, found[0]) if found else None
