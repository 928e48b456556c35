"""Lists a caller's own jobs, newest first, page by page. Anonymous callers get a list only on their own machine."""

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from gateway import store_calls
from gateway.auth.callers import Caller
from gateway.jobs import responses
from shared.errors import ErrorCode, RequestError
from shared.models import JobId, JobPage, JobState, ListedJob
from shared.network import endpoints
from shared.settings import GatewaySettings
from shared.store.job_index import JobIndex, Position
from shared.store.record import JobRecord

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
LOOKED_AT = 1_000
"""Largest number of records read for one page. A page is shorter than its limit if few of them match."""

_CURSOR = re.compile(r"([0-9]{1,15})-([0-9a-f]{48})")


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Selects the caller's jobs in this state and of this tool. None means any."""

    caller: Caller
    state: JobState | None = None
    tool: str | None = None

    def fits(self, record: JobRecord) -> bool:
        is_wanted = self.state in (None, record.state) and self.tool in (None, record.tool)
        return is_wanted and record.principal == self.caller.principal


@dataclass(frozen=True, slots=True)
class JobLists:
    """The jobs of one gateway's callers."""

    index: JobIndex
    settings: GatewaySettings

    @property
    def are_open_to_anonymous(self) -> bool:
        """Whether only this machine reaches the gateway. Elsewhere, only a job's random id gives access to it."""
        return endpoints.is_loopback(self.settings.host) and not self.settings.allow_anonymous

    async def page(self, wanted: JobFilter, *, limit: int, cursor: str | None) -> JobPage:
        """Returns at most `limit` jobs. Raises `RequestError` if listing is off, or the cursor is not valid."""
        if wanted.caller.is_anonymous and not self.are_open_to_anonymous:
            raise RequestError(
                ErrorCode.LISTING_OFF,
                "Jobs are not listed here: this gateway does not authenticate callers and others can reach it, so a "
                "list would show everyone's jobs. Keep each job's id, and ask for the job by its id.",
            )
        before = _position(cursor) if cursor else None
        newest = self.index.newest(wanted.caller.principal, before=before, most=LOOKED_AT)
        async with store_calls.bounded(), aclosing(newest) as places:
            return await _page(places, wanted, limit)


async def _page(places: AsyncIterator[tuple[Position, JobRecord | None]], wanted: JobFilter, limit: int) -> JobPage:
    found: list[ListedJob] = []
    last, looked_at = None, 0
    async for place, record in places:
        if len(found) == limit:
            return JobPage(jobs=found, next_cursor=_cursor(last))
        last, looked_at = place, looked_at + 1
        if record is not None and wanted.fits(record):
            found.append(responses.listed(record))
    return JobPage(jobs=found, next_cursor=_cursor(last) if looked_at == LOOKED_AT else None)


def _cursor(place: Position | None) -> str | None:
    return f"{place.created_ms}-{place.job_id}" if place else None


def _position(cursor: str) -> Position:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise RequestError(
            ErrorCode.REQUEST_INVALID, "The cursor is not valid: send `next_cursor` of the previous page."
        )
    return Position(int(match[1]), JobId(match[2]))
