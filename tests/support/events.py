"""A reader of Server-Sent Events, as a browser's EventSource reads them."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Event:
    id: str
    name: str
    data: Any


@asynccontextmanager
async def following(
    client: httpx.AsyncClient, job_id: str, *, after: str | None = None
) -> AsyncIterator[AsyncIterator[Event]]:
    """The events of a job, from its start or after the one with that id."""
    headers = {"Last-Event-ID": after} if after else {}
    async with client.stream("GET", f"/jobs/{job_id}/events", headers=headers) as response:
        assert response.status_code == httpx.codes.OK, await response.aread()
        assert response.headers["Content-Type"].startswith("text/event-stream")
        async with aclosing(_events(response)) as events:
            yield events


async def all_events(client: httpx.AsyncClient, job_id: str, *, after: str | None = None) -> list[Event]:
    """Up to the end of the stream."""
    async with following(client, job_id, after=after) as events:
        return [event async for event in events]


async def _events(response: httpx.Response) -> AsyncGenerator[Event]:
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif not line and "data" in fields:
            yield Event(fields["id"], fields["event"], json.loads(fields["data"]))
            fields = {}
