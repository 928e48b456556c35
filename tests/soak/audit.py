"""What a soak may not leave behind: processes, memfds, subscriptions, keys beyond their retention, memory."""

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis

from shared.models import Lane
from shared.store import key_names
from tests.integration.end_to_end.system import processes_with
from tests.soak.ledger import Ledger
from tests.support import leftovers
from tests.support.product import Process

RETENTION_S = 60
"""The shortest that the settings take, so that the early jobs of a long soak must be gone at its end."""
RETENTION_MARGIN_S = 5.0
MS_PER_S = 1_000
OF_RUNNING_JOBS = (key_names.REQUEST, key_names.TURN, key_names.TURNS)
"""Prefixes of keys that end with their job, or with the queue that it was in."""
OF_JOBS = (key_names.JOB, key_names.EVENTS, key_names.CHANGES, key_names.RESPONSE)


@dataclass(frozen=True, slots=True)
class Leaks:
    """Each of them zero but for memory, which is the most that any process has grown by."""

    processes: int
    memfds: int
    subscriptions: int
    deaf_gateways: int
    """That hear no notices any more, so that their callers learn of ends by the slow poll only."""
    keys: int
    memory_mb: float


def memory_mb(process: Process) -> float:
    """Resident memory, field 2 of proc_pid_statm(5)."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def memfds(workers: Iterable[Process]) -> int:
    """Open in the workers and in the processes that they have started."""
    return sum(_memfds(pid) for worker in workers for pid in _family(worker.pid))


def processes_left(ledger: Ledger) -> int:
    return len(processes_with(ledger.run))


async def subscriptions(redis: Redis) -> int:
    """Jobs that a gateway still wants to follow although they have ended."""
    return len([name async for name in redis.scan_iter(match=f"{key_names.FOLLOWERS}*", count=1_000)])


async def listening(redis: Redis) -> int:
    """Gateways that hear notices, each on its own channel."""
    return len(await redis.pubsub_channels(f"{key_names.GATEWAY}?*"))


async def keys_beyond_retention(redis: Redis, ledger: Ledger) -> list[str]:
    """Keys that should be gone, or that will not go in time, of jobs that have all ended."""
    found = set(await leftovers.immortal_keys(redis))
    names = [name.decode() async for name in redis.scan_iter(count=1_000)]
    found.update(name for name in names if name.startswith(OF_RUNNING_JOBS))
    kept = [name for name in names if name.startswith(OF_JOBS)]
    async with redis.pipeline(transaction=False) as pipe:
        for name in kept:
            pipe.pttl(name)
        lifetimes: list[int] = await pipe.execute()
    found.update(name for name, ms in zip(kept, lifetimes, strict=True) if ms > RETENTION_S * MS_PER_S)
    found.update(_overdue(kept, ledger))
    for index in (*(prefix + lane for prefix in (key_names.QUEUED, key_names.LOAD) for lane in Lane), key_names.LEASES):
        found.update(f"{index} {member.decode()}" for member in await redis.zrange(index, 0, -1))
    return sorted(found)


def _overdue(kept: Sequence[str], ledger: Ledger) -> Iterable[str]:
    """Keys of jobs whose caller was told of their end longer ago than they are kept."""
    since = time.monotonic() - RETENTION_S - RETENTION_MARGIN_S
    over = {entry.job_id for entry in ledger.entries if entry.ended_at is not None and entry.ended_at < since}
    return (name for name in kept if name.rpartition(":")[2] in over)


def _family(pid: int) -> Iterable[int]:
    """The process and its descendants."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _family(int(child))


def _memfds(pid: int) -> int:
    found = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found += os.readlink(descriptor).startswith("/memfd:")
        except FileNotFoundError:
            continue
    return found
