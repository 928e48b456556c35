"""`make soak`: many jobs through two gateways and three workers, whose workers are killed and whose Redis restarts.

Prints a table, and ends with 1 unless everything is zero that must be: jobs lost, run twice, stuck or leaked. A write
whose worker was killed ends as `lost` by design; those are counted apart, and must be exactly those that ran there.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from tests.soak import soak, verdict
from tests.support import processes

JOBS = 10_000


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="make soak", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=JOBS, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="decides what happens when")
    arguments = parser.parse_args()
    print(f"{arguments.jobs} jobs, seed {arguments.seed} ...", file=sys.stderr, flush=True)
    processes.adopt_orphans()
    with tempfile.TemporaryDirectory() as directory:
        outcome = asyncio.run(soak.run(arguments.jobs, arguments.seed, Path(directory)))
    print(verdict.render(outcome.rows))
    holds = all(row.holds for row in outcome.rows)
    if not holds:
        print("\n".join(outcome.details), file=sys.stderr)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
