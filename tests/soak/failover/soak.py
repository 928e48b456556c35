"""One soak: in each round commands run and jobs are submitted, the primary is ended, and the cluster becomes whole."""

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from shared.models import Job
from tests.integration.end_to_end.system import processes_with
from tests.soak.callers import HTTP_TIMEOUT_S, Callers
from tests.soak.failover import endings, verdict
from tests.soak.failover.course import Course
from tests.soak.failover.endings import Ending
from tests.soak.failover.held import Held
from tests.soak.failover.probe import Probe
from tests.soak.ledger import Ledger
from tests.soak.outcome import Outcome
from tests.support import leftovers
from tests.support.counting import CountingServer, counting_server
from tests.support.product import START_TIMEOUT_S, Process, Product, is_serving
from tests.support.sentinel import cluster as sentinel_cluster
from tests.support.sentinel.cluster import SentinelCluster
from tests.support.sentinel.plan import Plan
from tests.support.waiting import wait_until

GATEWAYS = 2
WORKERS = 3
CALLERS = 8
"""Fewer than the jobs of a round: the others are submitted while there is no primary, and after it."""
SERVICE_TIMEOUT_S = 60.0
CALM_TIMEOUT_S = 60.0
SETTINGS = {"K8S_MCP_KILL_GRACE_S": "0.5"}


@dataclass(frozen=True, slots=True)
class Amount:
    """How much happens. `jobs` and `held` are shared out to the events."""

    jobs: int = 1_000
    held: int = 200
    """Commands that run while the primary is ended."""
    events: int = 20


async def run(
    amount: Amount, seed: int, directory: Path, *, plan: Plan, report: Callable[[str], object] = str
) -> Outcome:
    """Runs a soak on such a cluster; the seed decides what is submitted and when the primary ends.

    `report` is given a line after each round.
    """
    async with sentinel_cluster.running(plan) as cluster, counting_server() as counting:
        with Product(cluster.url, directory, settings={**SETTINGS, **cluster.settings}) as product:
            gateways = [product.start_gateway() for _ in range(GATEWAYS)]
            for url, process in gateways:
                await wait_until(_serving(url, process), timeout_s=START_TIMEOUT_S)
            for _ in range(WORKERS):
                await product.worker()
            soak = _Soak(cluster, [url for url, _ in gateways], counting, report=report)
            try:
                return await soak.run(amount, random.Random(seed))
            finally:  # while the networks between them and the servers still carry
                await asyncio.gather(*(asyncio.to_thread(process.stop) for process in product.processes))


class _Soak:
    """The parts of a running soak."""

    def __init__(
        self,
        cluster: SentinelCluster,
        gateways: Sequence[str],
        counting: CountingServer,
        *,
        report: Callable[[str], object],
    ) -> None:
        self._cluster, self._gateways, self._counting, self._report = cluster, gateways, counting, report
        self._ledger = Ledger(f"soak{secrets.token_hex(6)}")
        self._callers = Callers(gateways, self._ledger, counting)
        self._probe = Probe(gateways)
        self._course = Course(self._probe)

    async def run(self, amount: Amount, chance: random.Random) -> Outcome:
        probing = asyncio.create_task(self._probe.run(), name="probe")
        try:
            for number, ending in enumerate(endings.in_turn(amount.events)):
                await self._round(
                    ending,
                    _share(amount.jobs, number, amount.events),
                    _share(amount.held, number, amount.events),
                    chance=chance,
                )
        finally:
            probing.cancel()
            await asyncio.gather(probing, return_exceptions=True)
        await self._read_again()
        await self._look_what_is_left()
        return Outcome(
            verdict.judge(self._ledger, self._counting.starts, self._course),
            verdict.details(self._ledger, self._counting.starts, self._course),
        )

    async def _round(self, ending: Ending, jobs: int, held: int, *, chance: random.Random) -> None:
        """Ends the primary once, among so many jobs and while so many commands run."""
        running = Held(self._gateways[0], self._ledger, self._counting)
        await running.start(held)
        before = len(self._ledger.entries)
        at = before + chance.randint(1, max(1, jobs // 2))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._callers.run(jobs, chance, callers=CALLERS), name="callers")
            await wait_until(lambda: len(self._ledger.entries) >= at, timeout_s=SERVICE_TIMEOUT_S)
            began = time.monotonic()
            old = await ending.begin(self._cluster)
            await self._cluster.switched(old)
            switched = time.monotonic()
            await ending.undo(self._cluster, old)
            await running.end()
        await self._cluster.whole()
        with suppress(AssertionError):  # then the wait is longer than any that the verdict takes
            await wait_until(lambda: self._probe.has_answered_since(switched), timeout_s=SERVICE_TIMEOUT_S)
        wait_s = self._probe.longest_wait_s(began)
        self._course.waits_s[ending].append(wait_s)
        self._report(
            f"primary {ending.value}: another after {switched - began:.1f} s, longest wait {wait_s:.1f} s, "
            f"whole after {time.monotonic() - began:.0f} s"
        )

    async def _read_again(self) -> None:
        """Compares each end that a caller was told with what a gateway says now."""
        async with httpx.AsyncClient(base_url=self._gateways[-1], timeout=HTTP_TIMEOUT_S, trust_env=False) as http:
            for entry in self._ledger.entries:
                if entry.job_id is None:
                    continue
                answer = await http.get(f"/jobs/{entry.job_id}")
                is_there = answer.status_code == httpx.codes.OK
                now = Job.model_validate_json(answer.text).state if is_there else f"{answer.status_code}"
                if entry.state is not None and now != entry.state:
                    self._course.forgotten.append(f"{entry.mark} {entry.job_id}: told {entry.state}, now {now}")
                elif entry.problem is not None:
                    entry.problem += f" (at the end: {now})"

    async def _look_what_is_left(self) -> None:
        left = self._course.left

        async def is_clean() -> bool:
            async with (await self._cluster.primary()).client(text=False) as redis:
                keys = await leftovers.immortal_keys(redis)
            left[:] = [*keys, *(f"process {pid}" for pid in processes_with(self._ledger.run))]
            return not left

        try:
            await wait_until(is_clean, timeout_s=CALM_TIMEOUT_S)
        except AssertionError:
            return


def _share(total: int, number: int, parts: int) -> int:
    """How many of the total fall to one of so many parts."""
    return total * (number + 1) // parts - total * number // parts


def _serving(url: str, process: Process) -> Callable[[], bool]:
    return lambda: is_serving(url, process)
