"""`mcp-k8s status`: the state of queue, workers and Redis, read from Redis itself.

It needs no master key and no gateway, so it works when one of these is the problem.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from redis.asyncio import Redis

from cli import store_probe
from shared.models import Lane
from shared.network.redis_address import RedisAddress
from shared.redis import redis_health, sentinel_health, supported
from shared.store.survey import QueueSurvey
from shared.store.workers import WorkerRegistry

ATTENTION_EXIT_CODE = 3
"""Exit code when Redis has answered and the status contains a warning."""
FULL_SHARE = 0.9


class RedisStatus(BaseModel):
    """The state of the Redis server. A `max_memory_bytes` of 0 means no limit."""

    name: str
    version: str
    address: str
    append_only: bool
    eviction_policy: str
    used_memory_bytes: int
    max_memory_bytes: int
    clients: int


class LaneStatus(BaseModel):
    """The state of a lane.

    `oldest_s` is how many seconds the oldest queued job has waited, 0 if none waits. `slots` counts the slots of the
    workers that take jobs.
    """

    queued: int
    running: int
    oldest_s: float
    slots: int


class WorkerStatus(BaseModel):
    """The state of a worker. A draining worker announces nothing, so only its running jobs are known."""

    id: str
    draining: bool
    running: int
    heard_s: float | None = None
    slots: dict[str, int] = {}
    tools: dict[str, str] = {}
    sandbox: str | None = None


class FleetStatus(BaseModel):
    """The complete status."""

    redis: RedisStatus
    lanes: dict[Lane, LaneStatus]
    workers: list[WorkerStatus]
    warnings: list[str]


async def read(address: RedisAddress) -> FleetStatus:
    """Reads the status. Raises one of `UNAVAILABLE`, or UnsupportedServerError."""
    async with asyncio.timeout(store_probe.ANSWER_TIMEOUT_S), store_probe.client(address) as client:
        await supported.check(client)
        workers = await _workers(client)
        server = await _server(client, store_probe.place(address, client))
        lanes = {
            lane: LaneStatus(
                queued=found.queued,
                running=found.running,
                oldest_s=found.oldest_s,
                slots=sum(worker.slots.get(lane, 0) for worker in workers),
            )
            for lane, found in (await QueueSurvey(client).read()).items()
        }
        shortcomings = [*await redis_health.shortcomings(client), *await sentinel_health.shortcomings(address)]
        warnings = [*shortcomings, *_warnings(server, lanes, workers)]
    return FleetStatus(redis=server, lanes=lanes, workers=workers, warnings=warnings)


async def _server(client: Redis, address: str) -> RedisStatus:
    info: Mapping[str, Any] = await client.info()
    name, version = store_probe.name_and_version(info)
    return RedisStatus(
        name=name,
        version=version,
        address=address,
        append_only=bool(info.get("aof_enabled")),
        eviction_policy=info.get("maxmemory_policy", "noeviction"),
        used_memory_bytes=info.get("used_memory", 0),
        max_memory_bytes=info.get("maxmemory", 0),
        clients=info.get("connected_clients", 0),
    )


async def _workers(client: Redis) -> list[WorkerStatus]:
    workers = WorkerRegistry(client)
    living = await workers.living()
    running = await workers.running()
    serving = [
        WorkerStatus(
            id=each.worker_id,
            draining=False,
            running=running.pop(each.worker_id, 0),
            heard_s=heard_s,
            slots=each.slots,
            tools=each.tools,
            sandbox=each.sandbox,
        )
        for each, heard_s in zip(living, await workers.silent_s(living), strict=True)
    ]
    return serving + [WorkerStatus(id=name, draining=True, running=count) for name, count in sorted(running.items())]


def _warnings(server: RedisStatus, lanes: Mapping[Lane, LaneStatus], workers: list[WorkerStatus]) -> list[str]:
    found = []
    if server.max_memory_bytes and server.used_memory_bytes > FULL_SHARE * server.max_memory_bytes:
        found.append("Redis is nearly full and will soon refuse jobs and output; give it more memory (maxmemory)")
    if all(worker.draining for worker in workers):
        found.append("no worker takes jobs; start one, or read the log of one that runs")
    for lane, status in lanes.items():
        if status.queued and status.running >= status.slots > 0:
            found.append(f"every slot of the {lane} lane is taken and {status.queued} jobs wait; add workers or slots")
    return found
