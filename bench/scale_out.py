"""Measures whether twice the workers do twice the work: one, two and four workers run a backlog of sleeping commands.

The commands need almost no CPU, so that a machine with few cores shows the cost of queue and store, not its own limits.
"""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from redis.asyncio import Redis

from bench.clients import Rest
from shared.models import JobId, JobState
from shared.store.job_store import JobStore
from shared.store.record import JobRecord
from tests.support import stub
from tests.support.product import Product
from tests.support.valkey import APPEND_ONLY, Valkey

WORKERS = (1, 2, 4)
SLOTS = 4
SLEEP_S = 6
JOBS = 48
TOLERANCE = 0.10


@dataclass(frozen=True, slots=True)
class Measurement:
    """Result for a number of workers. Ages are the seconds that jobs waited for a slot."""

    workers: int
    jobs_per_second: float
    mean_age_s: float
    longest_age_s: float


async def measure(workers: int) -> Measurement:
    """Runs the backlog on a new product with that many workers."""
    settings = {"K8S_MCP_FAST_SLOTS": str(SLOTS)}
    with (
        tempfile.TemporaryDirectory() as directory,
        Valkey(APPEND_ONLY) as valkey,
        Product(valkey.url, Path(directory), settings=settings) as product,
    ):
        port = urlsplit(await product.gateway()).port or 0
        for _ in range(workers):
            await product.worker()
        records = await asyncio.to_thread(_run_backlog, port)
        async with Redis.from_url(valkey.url) as redis:
            return _measured(workers, await _records(JobStore(redis), records))


def _run_backlog(port: int) -> list[JobId]:
    rest = Rest(port)
    body = {"tool": stub.STUB.name, "command": f"read sleep {SLEEP_S}", "kubeconfig": stub.KUBECONFIG}
    job_ids = [JobId(rest.request("POST", "/jobs", body)["id"]) for _ in range(JOBS)]
    for job_id in job_ids:
        while not JobState(rest.request("GET", f"/jobs/{job_id}?wait=60")["state"]).is_final:
            pass
    return job_ids


async def _records(store: JobStore, job_ids: list[JobId]) -> list[JobRecord]:
    found = [stored.record for stored in await store.read(job_ids) if stored is not None]
    if {record.state for record in found} != {JobState.SUCCEEDED} or len(found) != JOBS:
        raise RuntimeError("not every job of the backlog succeeded")
    return found


def _measured(workers: int, records: list[JobRecord]) -> Measurement:
    started = [record.started_at or record.created_at for record in records]
    ended = [record.ended_at or record.created_at for record in records]
    ages = [(at - record.created_at).total_seconds() for at, record in zip(started, records, strict=True)]
    seconds = (max(ended) - min(started)).total_seconds()
    return Measurement(workers, JOBS / seconds, sum(ages) / JOBS, max(ages))


def is_linear(measured: list[Measurement]) -> bool:
    """Whether the throughput grows in proportion to the workers, within the tolerance."""
    one = measured[0].jobs_per_second / measured[0].workers
    return all(abs(each.jobs_per_second / each.workers / one - 1) <= TOLERANCE for each in measured)


def render(measured: list[Measurement]) -> str:
    """Returns a Markdown table."""
    one = measured[0].jobs_per_second
    lines = [
        "| workers | jobs per second | compared with one worker | mean age | longest age |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {each.workers} | {each.jobs_per_second:.2f} | {each.jobs_per_second / one:.2f} × "
        f"| {each.mean_age_s:.1f} s | {each.longest_age_s:.1f} s |"
        for each in measured
    ]
    return "\n".join(lines)
