"""Measures the cost of a job, a process and a running CLI. docs/scaling.md uses them to size a fleet."""

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from redis.asyncio import Redis

from bench import usage
from bench.clients import Rest
from shared.tools import registry
from tests.support import stub
from tests.support.product import PROJECT, Process, Product
from tests.support.valkey import APPEND_ONLY, Valkey

JOBS = 1_000
OUTPUT_BYTES = 4_000_000
IDLE_S = 10.0
USAGE_OF_CHILD = """
import os, subprocess, sys
with open(os.devnull, "w") as nowhere:
    child = subprocess.Popen(sys.argv[1:], stdout=nowhere, stderr=nowhere)
    usage = os.wait4(child.pid, 0)[2]
    print(usage.ru_maxrss, usage.ru_utime + usage.ru_stime)
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """Counters at one moment. CPU and time are in seconds."""

    at_s: float
    commands: int
    redis_cpu_s: float
    redis_bytes: int
    gateway_cpu_s: float
    worker_cpu_s: float


@dataclass(frozen=True, slots=True)
class Costs:
    """Sizes in bytes and times in seconds. A job is a command that does nothing; a caller waits for it over REST."""

    redis_bytes_per_job: float
    redis_bytes_per_output_byte: float
    commands_per_job: float
    idle_commands_per_s: float
    """Redis commands per second of one idle gateway and one idle worker together."""
    redis_cpu_s: float
    gateway_cpu_s: float
    worker_cpu_s: float
    gateway_connections: int
    worker_connections: int
    gateway_bytes: int
    worker_bytes: int
    clis: Mapping[str, "CliCost"]


@dataclass(frozen=True, slots=True)
class CliCost:
    """Peak resident memory, and CPU time, of a CLI that does almost nothing."""

    size_bytes: int
    cpu_s: float


async def measure() -> Costs:
    """Measures a new product with one gateway and one worker."""
    with (
        tempfile.TemporaryDirectory() as directory,
        Valkey(APPEND_ONLY) as valkey,
        Product(valkey.url, Path(directory)) as product,
    ):
        async with Redis.from_url(valkey.url) as redis:
            port = urlsplit(await product.gateway()).port or 0
            await asyncio.to_thread(Rest(port).request, "GET", "/readyz")
            of_gateway = await _connections(redis)
            await product.worker()
            of_worker = await _connections(redis) - of_gateway
            gateway, worker = product.processes
            idle = await _sample(redis, gateway, worker)
            await asyncio.sleep(IDLE_S)
            before = await _sample(redis, gateway, worker)
            gateway_bytes, worker_bytes = _memory_bytes(gateway.pid), _memory_bytes(worker.pid)
            await asyncio.to_thread(_run_jobs, Rest(port))
            after = await _sample(redis, gateway, worker)
            await asyncio.to_thread(Rest(port).tool(stub.STUB.name, f"read flood {OUTPUT_BYTES}"))
            output_bytes = (await _sample(redis, gateway, worker)).redis_bytes - after.redis_bytes
    idle_rate = (before.commands - idle.commands) / (before.at_s - idle.at_s)
    idle_commands = idle_rate * (after.at_s - before.at_s)
    return Costs(
        redis_bytes_per_job=(after.redis_bytes - before.redis_bytes) / JOBS,
        redis_bytes_per_output_byte=output_bytes / OUTPUT_BYTES,
        commands_per_job=(after.commands - before.commands - idle_commands) / JOBS,
        idle_commands_per_s=idle_rate,
        redis_cpu_s=(after.redis_cpu_s - before.redis_cpu_s) / JOBS,
        gateway_cpu_s=(after.gateway_cpu_s - before.gateway_cpu_s) / JOBS,
        worker_cpu_s=(after.worker_cpu_s - before.worker_cpu_s) / JOBS,
        gateway_connections=of_gateway,
        worker_connections=of_worker,
        gateway_bytes=gateway_bytes,
        worker_bytes=worker_bytes,
        clis=await _cli_costs(),
    )


def _run_jobs(rest: Rest) -> None:
    call = rest.tool(stub.NOOP.name, "read")
    for _ in range(JOBS):
        call()


async def _sample(redis: Redis, gateway: Process, worker: Process) -> Sample:
    info = await redis.info("everything")
    return Sample(
        at_s=time.monotonic(),
        commands=info["total_commands_processed"],
        redis_cpu_s=info["used_cpu_sys"] + info["used_cpu_user"],
        redis_bytes=info["used_memory"],
        gateway_cpu_s=usage.with_ended_children_s(gateway.pid),
        worker_cpu_s=sum(map(usage.with_ended_children_s, (worker.pid, *usage.children(worker.pid)))),
    )


async def _connections(redis: Redis) -> int:
    """Returns the number of connections, without this one."""
    return len(await redis.client_list()) - 1


async def _cli_costs() -> dict[str, CliCost]:
    """Returns the costs of the CLIs on this machine."""
    search = os.pathsep.join((os.environ["PATH"], str(PROJECT / ".tools" / "bin")))
    found = {}
    for tool in registry.tools():
        if (path := shutil.which(tool.name, path=search)) is not None:
            argv = (sys.executable, "-c", USAGE_OF_CHILD, path, *tool.version_arguments)
            process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
            output, _ = await process.communicate()
            kilobytes, cpu_s = output.split()
            found[tool.name] = CliCost(int(kilobytes) * 1024, float(cpu_s))
    return found


def _memory_bytes(pid: int) -> int:
    """Returns the memory of the process and its descendants. Shared pages count once (proc_pid_smaps(5))."""
    family = [pid]
    for each in family:
        family += usage.children(each)
    return sum(_proportional_bytes(each) for each in family)


def _proportional_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
