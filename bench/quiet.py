"""Counts what an idle gateway and an idle worker do, and what one job makes gateway, worker and launcher do."""

import asyncio
import time
from dataclasses import dataclass

from bench import usage
from bench.clients import Rest
from bench.redis_relay import Relay
from bench.table import Row
from bench.usage import Usage
from tests.support.product import Process

OBSERVED_S = 20.0
JOBS = 300
COMMANDS_BUDGET = 6
CPU_BUDGET = 0.5
MS_PER_S = 1_000


@dataclass(frozen=True, slots=True)
class _Moment:
    at_s: float
    commands: int
    """Which the product has sent to Redis."""
    used: tuple[Usage, Usage, Usage, Usage]
    """By gateway, worker, launcher and door."""
    launched_s: float
    """CPU time of the launcher and of the children that it has had."""


async def rows(relay: Relay, gateway: Process, worker: Process, *, port: int) -> list[Row]:
    """Returns the rows of a pair that has nothing to do, then those of its jobs."""
    first = _moment(relay, gateway, worker)
    await asyncio.sleep(OBSERVED_S)
    last = _moment(relay, gateway, worker)
    await asyncio.to_thread(_run_jobs, port)
    return [*_idle_rows(first, last), *_job_rows(first, last, _moment(relay, gateway, worker))]


def _idle_rows(first: _Moment, last: _Moment) -> list[Row]:
    seconds = last.at_s - first.at_s
    rate = (last.commands - first.commands) / seconds
    what = "Redis commands a second, idle gateway and worker together"
    rows = [Row(what, f"≤ {COMMANDS_BUDGET}", f"{rate:.1f}", rate <= COMMANDS_BUDGET)]
    used_s = [(after - before).cpu_s for before, after in zip(first.used, last.used, strict=True)]
    for name, cpu_s in (("gateway", used_s[0]), ("worker with its launcher and its door", sum(used_s[1:]))):
        share = cpu_s / seconds * 100
        rows.append(Row(f"idle {name}", f"≤ {CPU_BUDGET} % of a core", f"{share:.2f} %", share <= CPU_BUDGET))
    return rows


def _job_rows(first: _Moment, last: _Moment, after: _Moment) -> list[Row]:
    """What the jobs added to what the idle pair does in the same time."""
    idle_share = (after.at_s - last.at_s) / (last.at_s - first.at_s)
    of_job = [
        (end - start - (start - before) * idle_share) / JOBS
        for before, start, end in zip(first.used[:-1], last.used[:-1], after.used[:-1], strict=True)
    ]
    switches = " / ".join(f"{used.switches:.0f}" for used in of_job)
    cpu_ms = [used.cpu_s * MS_PER_S for used in of_job]
    cpu_ms.append((after.launched_s - last.launched_s) / JOBS * MS_PER_S - cpu_ms[-1])
    cpu = " / ".join(f"{each:.1f}" for each in cpu_ms)
    return [
        Row("context switches of a job that costs nothing, in gateway / worker / launcher", "", switches),
        Row("its CPU, in gateway / worker / launcher / the launcher's children", "", f"{cpu} ms"),
    ]


def _moment(relay: Relay, gateway: Process, worker: Process) -> _Moment:
    launcher, door = worker.helper("launcher"), worker.helper("door")
    return _Moment(
        at_s=time.monotonic(),
        commands=sum(message.is_command for message in relay.messages),
        used=(usage.of(gateway.pid), usage.of(worker.pid), usage.of(launcher), usage.of(door)),
        launched_s=usage.with_ended_children_s(launcher),
    )


def _run_jobs(port: int) -> None:
    call = Rest(port).tool("noop", "read")
    for _ in range(JOBS):
        call()
