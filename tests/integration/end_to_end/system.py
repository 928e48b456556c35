"""What these tests share: running systems, and how to look into them."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.store import key_names
from tests.support import processes
from tests.support.product import START_TIMEOUT_S, Process, Product, is_serving
from tests.support.waiting import wait_blocking
from worker.launcher import landlock

needs_landlock = pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock: nothing is contained")
needs_proc = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks at processes through /proc")

ANNOUNCED = '"worker announced"'


@dataclass(frozen=True)
class Gateway:
    url: str
    process: Process


@dataclass(frozen=True)
class System:
    """Processes of one product on one Valkey; which they are, its fixture says."""

    product: Product
    gateways: tuple[Gateway, ...]

    @property
    def url(self) -> str:
        return self.gateways[0].url

    @property
    def other_url(self) -> str:
        return self.gateways[1].url

    def logs(self) -> dict[str, str]:
        """What each process has said so far."""
        return {process.log.name: process.output() for process in self.product.processes}


def start(product: Product, *, gateways: int, workers: int = 0, **settings: str) -> System:
    """All at once, for the whole session: no test may stop or signal them."""
    starting = [Gateway(*product.start_gateway(**settings)) for _ in range(gateways)]
    working = [product.start("worker", **settings) for _ in range(workers)]
    processes.long_lived.update(process.pid for process in product.processes)
    wait_blocking(
        lambda: all(is_serving(gateway.url, gateway.process) for gateway in starting), timeout_s=START_TIMEOUT_S
    )
    wait_blocking(lambda: all(ANNOUNCED in worker.output() for worker in working), timeout_s=START_TIMEOUT_S)
    return System(product, tuple(starting))


async def running_jobs(redis: Redis) -> list[str]:
    """Ids of jobs that a worker holds a lease on."""
    return [job_id.decode() for job_id in await redis.zrange(key_names.LEASES, 0, -1)]


async def has_printed(redis: Redis, job_id: str) -> bool:
    """Whether something of the job's output is stored."""
    return bool(await redis.exists(key_names.EVENTS + job_id))


def command_lines() -> dict[int, str]:
    """Of all processes of this machine, by process id."""
    found: dict[int, str] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found[int(process.name)] = (process / "cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:
            continue
    return found


def processes_with(mark: str) -> list[int]:
    """Processes that have the word in their command line."""
    return [pid for pid, line in command_lines().items() if mark in line]
