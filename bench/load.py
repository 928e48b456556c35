"""Measures the cost of waiting requests, and the throughput of queue and store."""

import asyncio
import os
import time
from pathlib import Path

import httpx
from redis.asyncio import Redis

from bench import usage
from bench.table import Row
from bench.throughput import jobs_per_second
from tests.support import stub
from tests.support.product import Process, Product
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

WAITERS = 1_000
OBSERVED_S = 5.0


async def rows(product: Product, port: int, *, valkey: Valkey) -> list[Row]:
    """Returns the rows for a thousand waiting requests, and throughput."""
    waiters = await _waiters(product.processes[0], port, valkey)
    rate = await jobs_per_second()
    return [*waiters, Row("jobs per second through queue and store", "≥ 700", f"{rate:.0f}", rate >= 700)]


async def _waiters(gateway: Process, port: int, valkey: Valkey) -> list[Row]:
    """Measures a thousand requests that wait for the same running job."""
    idle_bytes = _memory_bytes(gateway.pid)
    limits = httpx.Limits(max_connections=WAITERS + 1)
    base = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base, limits=limits, timeout=120) as client, asyncio.TaskGroup() as group:
        job = (
            await client.post("/jobs", json={"tool": "stub", "command": "write hang", "kubeconfig": stub.KUBECONFIG})
        ).json()
        waiting = [group.create_task(client.get(f"/jobs/{job['id']}?wait=60")) for _ in range(WAITERS)]
        await _until_waiting(base)
        connections = await _subscription_connections(valkey.url)
        share = await _cpu_share(gateway.pid)
        more_mb = (_memory_bytes(gateway.pid) - idle_bytes) / 1e6
        await client.delete(f"/jobs/{job['id']}")
        states = {(await task).json()["state"] for task in waiting}
    if states != {"cancelled"}:
        raise RuntimeError(f"waiters saw {states}")
    return [
        Row("1,000 waiting requests: subscription connections", "1", str(connections), connections == 1),
        Row("1,000 waiting requests: gateway's CPU", "≤ 5 % of a core", f"{share:.1f} %", share <= 5),
        Row("1,000 waiting requests: memory", "≤ 50 MB more", f"{more_mb:.0f} MB", more_mb <= 50),
    ]


async def _until_waiting(base: str) -> None:
    async with httpx.AsyncClient(base_url=base) as client:

        async def all_wait() -> bool:
            return f"mcp_k8s_waiting_requests {float(WAITERS)}" in (await client.get("/metrics")).text

        await wait_until(all_wait, timeout_s=30)


async def _subscription_connections(url: str) -> int:
    """Returns the gateway's connections: each worker and each gateway has one."""
    async with Redis.from_url(url) as redis:
        clients = await redis.client_list(_type="pubsub")
    return sum(int(client["sub"]) > 0 for client in clients) - 1


async def _cpu_share(pid: int) -> float:
    """Returns the CPU use over `OBSERVED_S`, in per cent of a core."""
    before, started = usage.of(pid), time.perf_counter()
    await asyncio.sleep(OBSERVED_S)
    return (usage.of(pid) - before).cpu_s / (time.perf_counter() - started) * 100


def _memory_bytes(pid: int) -> int:
    """Resident memory, field 2 of proc_pid_statm(5)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
