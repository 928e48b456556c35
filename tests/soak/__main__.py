"""`make soak`: many jobs through two gateways and three workers, whose workers are killed and whose Redis restarts.

Prints a table, and ends with 1 unless everything is zero that must be: jobs lost, run twice, stuck or leaked. A write
whose worker was killed ends as `lost` by design; those are counted apart, and must be exactly those that ran there.

With `--failover`, Redis is three servers and three sentinels, and instead of workers the primary ends, in every way.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from tests.soak import soak, verdict
from tests.soak.failover import soak as failover
from tests.soak.outcome import Outcome
from tests.support import processes
from tests.support.sentinel.plan import Plan

JOBS = 10_000
AS_SHIPPED = Plan(relayed=True, period_ms=None)
"""Sentinels that ask and tell each other as often as in a user's cluster."""


def main() -> int:
    """Returns the exit code."""
    arguments = _arguments()
    _say(f"seed {arguments.seed} ...")
    processes.adopt_orphans()
    with tempfile.TemporaryDirectory() as directory:
        outcome = asyncio.run(_run(arguments, Path(directory)))
    print(verdict.render(outcome.rows))
    holds = all(row.holds for row in outcome.rows)
    if not holds:
        print("\n".join(outcome.details), file=sys.stderr)
    return 0 if holds else 1


def _arguments() -> argparse.Namespace:
    usual = failover.Amount()
    parser = argparse.ArgumentParser(prog="make soak", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--failover", action="store_true", help="end the primary behind Sentinel instead of workers")
    parser.add_argument("--jobs", type=int, help=f"how many ({JOBS}; {usual.jobs} with --failover)")
    parser.add_argument("--events", type=int, default=usual.events, help="how often a primary ends (%(default)s)")
    parser.add_argument("--held", type=int, default=usual.held, help="how many commands run meanwhile (%(default)s)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="decides what happens when")
    return parser.parse_args()


async def _run(arguments: argparse.Namespace, directory: Path) -> Outcome:
    if not arguments.failover:
        return await soak.run(arguments.jobs or JOBS, arguments.seed, directory)
    jobs = arguments.jobs or failover.Amount().jobs
    amount = failover.Amount(jobs=jobs, held=arguments.held, events=arguments.events)
    return await failover.run(amount, arguments.seed, directory, plan=AS_SHIPPED, report=_say)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
