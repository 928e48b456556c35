"""Reads what a job's command has changed: page by page, or all of it as counts."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from gateway import store_calls
from gateway.jobs.output_keys import OutputKeys, opened
from shared.changes import Change, ChangeTally
from shared.errors import ErrorCode, RequestError, UnavailableError
from shared.events import EventKind
from shared.models import ChangePage, JobId
from shared.sealing.fernet_keys import DataKey, SealError
from shared.store.attempts import SealedEvent
from shared.store.job_store import JobStore, StoredJob

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
READ_AT_ONCE = 100
"""Changes read at once, of about 1 KiB each."""

_CURSOR = re.compile(r"[0-9]{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ChangePages:
    """The changes of the jobs of this gateway's callers."""

    store: JobStore
    output_keys: OutputKeys

    async def served(self, stored: StoredJob, *, limit: int, cursor: str | None) -> ChangePage:
        """Returns at most `limit` changes.

        Raises `RequestError` if the cursor is not valid, and `UnavailableError` if Redis is not available or no master
        key here opens the changes.
        """
        after = _number(cursor) if cursor else 0
        try:
            async with store_calls.bounded(stored.record.id):
                return await self._page(stored, limit=limit, after=after)
        except SealError as error:
            raise UnavailableError(
                ErrorCode.STORE_UNAVAILABLE,
                "This gateway's master keys do not open the changes: ask a gateway that has the keys of that time.",
                job_id=stored.record.id,
            ) from error

    async def _page(self, stored: StoredJob, *, limit: int, after: int) -> ChangePage:
        job_id = stored.record.id
        known = {number: at for number, at in (await self.store.changes(job_id)).items() if number > after}
        shown = list(known)[:limit]
        key = self.output_keys.of(stored.record)
        changes = await _read(self.store, job_id, {number: known[number] for number in shown}, key=key)
        return ChangePage(changes=changes, next_cursor=str(shown[-1]) if len(shown) < len(known) else None)


async def tally(store: JobStore, job_id: JobId, key: DataKey) -> ChangeTally:
    """Counts all changes of a job. Raises `SealError` if the key does not open one."""
    counted = ChangeTally()
    async for change in _all(store, job_id, key):
        counted.add(change)
    return counted


async def _all(store: JobStore, job_id: JobId, key: DataKey) -> AsyncIterator[Change]:
    known = list((await store.changes(job_id)).items())
    for first in range(0, len(known), READ_AT_ONCE):
        for change in await _read(store, job_id, dict(known[first : first + READ_AT_ONCE]), key=key):
            yield change


async def _read(store: JobStore, job_id: JobId, places: Mapping[int, int], *, key: DataKey) -> list[Change]:
    """Returns the changes at these places: number of the change to sequence number of its event."""
    if not places:
        return []
    numbers = {sequence: number for number, sequence in places.items()}
    found = await store.events_at(job_id, list(places.values()))
    return [_opened(key, sealed, numbers[sealed.sequence]) for sealed in found]


def _opened(key: DataKey, sealed: SealedEvent, number: int) -> Change:
    event = opened(key, sealed)
    change = Change.model_validate_json(event.content) if event.kind is EventKind.CHANGE else None
    if change is None or change.number != number:
        raise SealError("the event does not tell of that change")
    return change


def _number(cursor: str) -> int:
    if not _CURSOR.fullmatch(cursor):
        raise RequestError(
            ErrorCode.REQUEST_INVALID, "The cursor is not valid: send `next_cursor` of the previous page."
        )
    return int(cursor)
