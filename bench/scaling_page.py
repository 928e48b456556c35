"""Makes docs/scaling.md from the numbers of one run."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from bench import page, scale_out
from bench.costs import JOBS, Costs
from bench.scale_out import Measurement
from gateway.jobs.submitter import SUBMITS_AT_ONCE
from shared.redis import redis_connection
from shared.settings import CommonSettings, WorkerSettings

PATH = Path("docs/scaling.md")
MEGABYTE = 1e6
USABLE_SHARE = 0.7
"""Share of a core that Redis can use before callers notice a delay."""

TEXT = """\
# Scaling

`make scale-out ARGS=--write` measured these values and wrote this page. Times and CPU depend on the machine; sizes and
counts do not.

## More workers

{jobs} commands that sleep for {sleep} s were submitted at once, to workers with {slots} fast slots each. The throughput
is within 10 % of linear: {linear}.

{scale_out}

The age is the time that jobs waited for a slot. A worker itself needs little: its commands are the limit.

## Costs

| what | measured |
| --- | --- |
| Redis: memory of a job, until its retention ends | {job_kb:.1f} kB |
| Redis: memory of one byte of output | {output:.2f} bytes |
| Redis: commands of a job, including those in scripts | {commands:.0f} |
| Redis: CPU of a job | {redis_ms:.2f} ms |
| Redis: commands of an idle gateway and worker | {idle:.0f} a second |
| gateway: CPU of a call that waits for its job | {gateway_ms:.2f} ms |
| gateway: memory, idle | {gateway_mb:.0f} MB |
| gateway: connections to Redis when idle, and at most | {gateway_connections}, {most_connections} |
| worker: CPU of a job, without that of the command | {worker_ms:.2f} ms |
| worker: memory, idle | {worker_mb:.0f} MB |
| worker: connections to Redis, idle | {worker_connections} |
{cli_rows}

Here a job is a command that does nothing and prints nothing. {measured_jobs} of them ran, one after the other. A
command that reads from a cluster needs more memory than its version command, in proportion to the data that it reads.

## Sizing

- **Slots.** The running CLIs are the main cost of a worker. Starting a job of the largest CLI takes {start_ms:.0f} ms
  of a core; while the CLI waits, it needs no CPU. Memory is the limit: it is slots × the largest CLI × 2, plus
  {worker_mb:.0f} MB for the worker itself. The default of {fast_slots} + {slow_slots} slots fits into
  {default_gb:.1f} GB. A core can start {starts:.0f} such jobs a second, so {fast_slots} fast slots for each core are
  enough. Slow slots, whose commands mostly wait, need only memory.
- **Workers.** Slots in use = jobs per second × seconds that a job runs. Add a third as a reserve.
- **Gateways.** {gateway_rate:.0f} calls a second use one core. Run two gateways so that one can restart, and more for
  load.
- **Redis memory.** Jobs per second × retention ({retention} s) × (memory of a job + its output). 10 jobs a second that
  print 10 kB each need {example_gb:.1f} GB. A shorter `K8S_MCP_RETENTION_S` is the cheapest way to save memory.

## The limit of one Redis

Redis runs scripts on one core. At {share:.0f} % of a core, it serves {redis_rate:.0f} jobs a second, some
{redis_day:.0f} million a day. Its memory is usually the limit before that, or its network if outputs are large. A Redis
Cluster cannot split the load, because one script uses keys of several jobs. If one Redis is not enough, run a second
installation and assign each caller to one of them.

Measured on {day}: {machine}, Python {python}, append-only Valkey. The load average was {load_before:.1f} before and
{load_after:.1f} after.
"""


def text(costs: Costs, measured: list[Measurement], *, load_before: float) -> str:
    """Returns the complete page."""
    what = "a running `{}`: memory, and CPU to start it"
    rows = [
        f"| {what.format(name)} | {cli.size_bytes / MEGABYTE:.0f} MB, {cli.cpu_s * 1e3:.0f} ms |"
        for name, cli in costs.clis.items()
    ]
    return TEXT.format(
        jobs=scale_out.JOBS,
        sleep=scale_out.SLEEP_S,
        slots=scale_out.SLOTS,
        linear="yes" if scale_out.is_linear(measured) else "NO",
        scale_out=scale_out.render(measured),
        cli_rows="\n".join(rows),
        **_measured(costs),
        **_reckoned(costs),
        day=datetime.now(UTC).date(),
        machine=page.machine(),
        python=platform.python_version(),
        load_before=load_before,
        load_after=os.getloadavg()[0],
    )


def _measured(costs: Costs) -> dict[str, float | str]:
    return {
        "job_kb": costs.redis_bytes_per_job / 1e3,
        "output": costs.redis_bytes_per_output_byte,
        "commands": costs.commands_per_job,
        "redis_ms": costs.redis_cpu_s * 1e3,
        "idle": costs.idle_commands_per_s,
        "gateway_ms": costs.gateway_cpu_s * 1e3,
        "gateway_mb": costs.gateway_bytes / MEGABYTE,
        "gateway_connections": costs.gateway_connections,
        "most_connections": redis_connection.GATEWAY_CONNECTIONS + SUBMITS_AT_ONCE,
        "worker_ms": costs.worker_cpu_s * 1e3,
        "worker_mb": costs.worker_bytes / MEGABYTE,
        "worker_connections": costs.worker_connections,
        "measured_jobs": f"{JOBS:,}",
    }


def _reckoned(costs: Costs) -> dict[str, float | str]:
    """Returns the values that follow from the costs and the default settings."""
    retention_s = CommonSettings.model_fields["retention_s"].default
    fast, slow = (WorkerSettings.model_fields[name].default for name in ("fast_slots", "slow_slots"))
    largest = max((cli.size_bytes for cli in costs.clis.values()), default=0)
    start_cpu_s = costs.worker_cpu_s + max((cli.cpu_s for cli in costs.clis.values()), default=0)
    example_bytes = 10 * retention_s * (costs.redis_bytes_per_job + 10_000 * costs.redis_bytes_per_output_byte)
    redis_rate = USABLE_SHARE / costs.redis_cpu_s
    return {
        "start_ms": start_cpu_s * 1e3,
        "starts": 1 / start_cpu_s,
        "fast_slots": fast,
        "slow_slots": slow,
        "default_gb": ((fast + slow) * largest * 2 + costs.worker_bytes) / 1e9,
        "gateway_rate": 1 / costs.gateway_cpu_s,
        "retention": f"{retention_s:,}",
        "example_gb": example_bytes / 1e9,
        "share": USABLE_SHARE * 100,
        "redis_rate": redis_rate,
        "redis_day": redis_rate * 86_400 / 1e6,
    }
