"""One soak: two gateways, three workers, one append-only server; callers and chaos side by side, and then the audit."""

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError, TimeoutError

from tests.soak import audit, verdict
from tests.soak.audit import Leaks
from tests.soak.callers import Callers
from tests.soak.chaos import WORKERS, Chaos
from tests.soak.ledger import Ledger
from tests.soak.outcome import Outcome, Row
from tests.support.counting import CountingServer, counting_server
from tests.support.product import START_TIMEOUT_S, Process, Product, is_serving
from tests.support.valkey import SURVIVES_KILL, Valkey
from tests.support.waiting import wait_until

GATEWAYS = 2
CALM_TIMEOUT_S = 90.0
"""For what goes on after the last caller has been told: job directories, the followers of jobs."""
WARM_UP_SHARE = 5
"""Memory is compared with what it was when a fifth of the jobs had ended."""
SETTINGS = {"K8S_MCP_RETENTION_S": str(audit.RETENTION_S)}


async def run(jobs: int, seed: int, directory: Path) -> Outcome:
    """Runs so many jobs; the seed decides what happens when."""
    with Valkey(SURVIVES_KILL) as valkey, Product(valkey.url, directory, settings=SETTINGS) as product:
        gateways = [product.start_gateway() for _ in range(GATEWAYS)]
        for url, process in gateways:
            await wait_until(_serving(url, process), timeout_s=START_TIMEOUT_S)
        retry = Retry(ConstantBackoff(0.1), 100)
        errors = [ConnectionError, TimeoutError, OSError]
        async with (
            Redis.from_url(valkey.url, retry=retry, retry_on_error=errors) as redis,
            counting_server() as counting,
        ):
            ledger = Ledger(f"soak{secrets.token_hex(6)}")
            chaos = Chaos(product, valkey, redis, ledger=ledger)
            for _ in range(WORKERS):
                await chaos.start_worker()
            callers = Callers([url for url, _ in gateways], ledger, counting)
            soak = _Soak(ledger, chaos, callers, counting=counting, redis=redis, gateways=[p for _, p in gateways])
            return await soak.run(jobs, random.Random(seed))


class _Soak:
    """The parts of a running soak."""

    def __init__(
        self,
        ledger: Ledger,
        chaos: Chaos,
        callers: Callers,
        *,
        counting: CountingServer,
        redis: Redis,
        gateways: list[Process],
    ) -> None:
        self._ledger, self._chaos, self._callers = ledger, chaos, callers
        self._counting, self._redis, self._gateways = counting, redis, gateways
        self._memory_before: dict[int, float] = {}

    async def run(self, jobs: int, chance: random.Random) -> Outcome:
        memfds_before = audit.memfds(self._chaos.workers.values()) / len(self._chaos.workers)
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._callers.run(jobs, random.Random(chance.random())), name="callers")
            group.create_task(self._chaos.run(jobs, chance), name="chaos")
            group.create_task(self._note_memory(jobs // WARM_UP_SHARE), name="memory")
        seconds = time.monotonic() - started
        leaks, left = await self._audit(memfds_before)
        summary = f"{jobs} in {seconds:.0f} s, {jobs / seconds:.0f} a second"
        rows = [
            Row("jobs", summary),
            Row("workers killed", str(self._chaos.kills)),
            Row("Redis restarts", str(self._chaos.restarts)),
            Row("answers that said to come again", str(self._ledger.refused)),
            *verdict.judge(self._ledger, self._counting.starts, leaks),
        ]
        return Outcome(rows, [*left, *self._suspects()])

    async def _note_memory(self, at: int) -> None:
        await self._ledger.reaches(at)
        self._memory_before = {process.pid: audit.memory_mb(process) for process in self._processes()}

    async def _audit(self, memfds_before: float) -> tuple[Leaks, list[str]]:
        left: list[str] = []

        async def is_clean() -> bool:
            left[:] = await audit.keys_beyond_retention(self._redis, self._ledger)
            deaf = GATEWAYS - await audit.listening(self._redis)
            return not (left or deaf or audit.processes_left(self._ledger) or await audit.subscriptions(self._redis))

        with contextlib.suppress(AssertionError):
            await wait_until(is_clean, timeout_s=CALM_TIMEOUT_S)
        workers = self._chaos.workers.values()
        grown = [
            audit.memory_mb(process) - self._memory_before[process.pid]
            for process in self._processes()
            if process.pid in self._memory_before
        ]
        leaks = Leaks(
            processes=audit.processes_left(self._ledger),
            memfds=max(0, round(audit.memfds(workers) - memfds_before * len(workers))),
            subscriptions=await audit.subscriptions(self._redis),
            deaf_gateways=GATEWAYS - await audit.listening(self._redis),
            keys=len(left),
            memory_mb=max(0.0, *grown),
        )
        return leaks, left

    def _processes(self) -> list[Process]:
        """Gateways, and the workers that live now."""
        return [*self._gateways, *self._chaos.workers.values()]

    def _suspects(self) -> list[str]:
        starts, killed = self._counting.starts, self._ledger.on_killed_workers
        return [
            f"{entry.mark} {entry.kind.name} {entry.job_id}: {entry.state}, {starts[entry.mark]} starts, "
            f"accepted: {entry.is_accepted}, "
            f"worker killed: {entry.job_id in killed}, {entry.problem or entry.said}"
            for entry in self._ledger.entries
            if verdict.is_suspect(entry, starts, killed)
        ]


def _serving(url: str, process: Process) -> Callable[[], bool]:
    return lambda: is_serving(url, process)
