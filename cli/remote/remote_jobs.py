"""`mcp-k8s jobs`: your jobs on a gateway, as a table or as JSON lines."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import typer

from cli.remote.gateway_client import RemoteGateway
from cli.remote.text_table import aligned

HEADINGS = ("ID", "TOOL", "CLASS", "STATE", "AGE", "TOOK")


def show(gateway: RemoteGateway, *, state: str | None, tool: str | None, limit: int, as_json: bool) -> int:
    """Prints at most `limit` jobs, newest first, as a table or one JSON object per line. Raises `StartError`."""
    jobs = list(_jobs(gateway, {"state": state, "tool": tool}, limit))
    if as_json:
        for job in jobs:
            typer.echo(json.dumps(job))
    elif jobs:
        now = datetime.now(UTC)
        typer.echo(aligned(HEADINGS, [_row(job, now) for job in jobs]))
    else:
        typer.echo("no jobs", err=True)
    return 0


def _jobs(gateway: RemoteGateway, wanted: Mapping[str, str | None], limit: int) -> Iterator[Mapping[str, Any]]:
    query = {name: value for name, value in wanted.items() if value is not None}
    while limit > 0:
        page = gateway.jobs({**query, "limit": str(min(limit, RemoteGateway.MOST_JOBS))})
        yield from page["jobs"]
        limit -= len(page["jobs"])
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]


def _row(job: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
    started, ended = _moment(job["started_at"]), _moment(job["ended_at"])
    took = _span((ended or now) - started) if started else "-"
    age = _span(now - datetime.fromisoformat(job["created_at"]))
    return job["id"], job["tool"], job["class"], job["state"], age, took


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _span(time: timedelta) -> str:
    """Formats the time with at most two units."""
    minutes, seconds = divmod(max(0, round(time.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
