"""What must not be left behind: keys that live for ever, tasks, processes, and files of jobs."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from redis.asyncio import Redis

from shared.store import key_names
from tests.support import processes
from tests.support.waiting import wait_blocking
from worker.launcher.protocol import WORK

BOUNDED = (
    *(key_names.QUEUE, key_names.QUEUED, key_names.TURN, key_names.TURNS, key_names.LOAD),
    *(key_names.WAKE, key_names.LEASES, key_names.WORKERS),
)
"""Prefixes of keys that live for ever and are bounded."""
NO_TTL = -1
END_TIMEOUT_S = 20.0
GENERATOR_CLOSING = "async_generator_athrow"
"""Type of what `aclose` of a generator returns."""


async def immortal_keys(redis: Redis) -> list[str]:
    """Keys that would never end, but for those that are bounded."""
    names = sorted([name.decode() async for name in redis.scan_iter(count=1_000)])
    names = [name for name in names if not name.startswith(BOUNDED)]
    async with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.pttl(name)
        lifetimes = await pipe.execute()
    return [name for name, lifetime in zip(names, lifetimes, strict=True) if lifetime == NO_TTL]


def tasks() -> list[str]:
    """Tasks of this loop that still run, but for the one that asks, and those with which a loop closes generators.

    The loop starts such a task whenever the garbage collector finds a generator, as those inside httpx's streams.
    """
    others = asyncio.all_tasks() - {asyncio.current_task()}
    return sorted(str(task) for task in others if type(task.get_coro()).__name__ != GENERATOR_CLOSING)


def child_processes() -> dict[int, str]:
    """Children that do not end by themselves soon. They are killed, so that no later test is blamed for them."""
    try:
        wait_blocking(lambda: not processes.left_behind(), timeout_s=END_TIMEOUT_S)
    except AssertionError:
        left = processes.left_behind()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return left
    return {}


def files_of_jobs(*work_directories: Path) -> list[str]:
    """What lies in the workers' directories of jobs. A spare that waits has one with an empty folder for work."""
    return [
        os.path.join(folder, name)
        for work_directory in work_directories
        for job in work_directory.glob("job-*")
        for folder, folders, names in os.walk(job)
        for name in (*names, *folders)
        if (folder, name) != (str(job), WORK)
    ]
