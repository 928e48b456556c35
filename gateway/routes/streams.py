"""The routes of a job's output and changes: as a stream of events, and as pages of what is stored."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from gateway import parts
from gateway.auth import callers
from gateway.jobs.change_pages import DEFAULT_LIMIT, MAX_LIMIT
from gateway.jobs.event_stream import EventStream, Place
from gateway.jobs.output_pages import MAX_OFFSET
from gateway.routes.jobs import JOB_UNKNOWN
from shared.errors import ErrorCode, RequestError
from shared.events import EventKind
from shared.models import ChangePage, JobId

MAX_PAGE_BYTES = 1024 * 1024
DEFAULT_PAGE_BYTES = 64 * 1024
RECONNECT_MS = 1_000

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.get(
    "/{job_id}/events",
    operation_id="follow_job",
    summary="Follow a job: its states and its output, as they come.",
    response_class=EventSourceResponse,
    responses={**JOB_UNKNOWN, 204: {"description": "Nothing comes after `Last-Event-ID`."}},
)
async def events(
    request: Request,
    job_id: str,
    last_event_id: Annotated[str | None, Header(description="Resumes after that event.")] = None,
) -> Response:
    """Server-Sent Events: `state`, `stdout`, `stderr`, `progress`, `change`, `restart`, `end` (https://html.spec.whatwg.org/#sse)."""
    found = parts.of(request)
    stored = await found.jobs.find(job_id, callers.of(request))
    place = Place.parse(last_event_id) if last_event_id else Place()
    if place is None:
        raise RequestError(ErrorCode.REQUEST_INVALID, "The header Last-Event-ID is not an id of this stream.")
    if place.is_last:
        return Response(status_code=204)
    return EventSourceResponse(
        _written(found.event_stream, stored.record.id, place),
        ping=found.settings.heartbeat_s,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.get(
    "/{job_id}/output",
    operation_id="read_output",
    summary="Read a page of a job's output.",
    response_class=Response,
    responses={**JOB_UNKNOWN, 200: {"content": {"application/octet-stream": {}}}},
)
async def output(
    request: Request,
    job_id: str,
    *,
    stream: Annotated[Literal["stdout", "stderr"], Query(description="The output stream to read.")] = "stdout",
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET, description="Bytes to skip.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_BYTES, description="Most bytes to return.")] = DEFAULT_PAGE_BYTES,
) -> Response:
    """Returns at most `limit` bytes as the process wrote them. A page may be shorter although more is stored.

    The next page begins at `X-Next-Offset`. `X-Stored-Bytes` is the size of the stream so far. `X-Complete: true` says
    that the job has ended and nothing follows. An offset beyond the stored bytes returns no bytes. If the worker of a
    read was lost, the command runs again: when `X-Attempt` changes, drop the pages that you have read.
    """
    found = parts.of(request)
    stored = await found.jobs.find(job_id, callers.of(request))
    page = await found.output_pages.served(stored, EventKind(stream), offset=offset, limit=limit)
    return Response(
        page.data,
        media_type="application/octet-stream",
        headers={
            "X-Next-Offset": str(page.next_offset),
            "X-Stored-Bytes": str(page.stored_bytes),
            "X-Complete": str(page.is_complete).lower(),
            "X-Attempt": str(page.attempt),
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )


@router.get(
    "/{job_id}/changes",
    operation_id="read_changes",
    summary="Read a page of what a job changes in its cluster.",
    response_model=ChangePage,
    responses=JOB_UNKNOWN,
)
async def changes(
    request: Request,
    job_id: str,
    *,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Most changes on a page.")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=100, description="`next_cursor` of the previous page.")] = None,
) -> ChangePage:
    """Returns the changes in the order in which the command asked for them, each with its newest known state.

    A change is stored before its request is forwarded: `on_its_way` means that its outcome is not known. While the job
    runs, more changes may follow the last page.
    """
    found = parts.of(request)
    stored = await found.jobs.find(job_id, callers.of(request))
    return await found.change_pages.served(stored, limit=limit, cursor=cursor)


async def _written(stream: EventStream, job_id: JobId, place: Place) -> AsyncGenerator[ServerSentEvent]:
    async with aclosing(stream.follow(job_id, place)) as events:
        async for event in events:
            data = json.dumps(event.data, ensure_ascii=False)
            yield ServerSentEvent(data, event=event.name, id=str(event.place), retry=RECONNECT_MS)
