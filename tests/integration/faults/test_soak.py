"""A short soak with every run of the tests; `make soak` is the long one."""

from pathlib import Path

import pytest

from tests.soak import soak, verdict

JOBS = 1_000
SEED = 1


@pytest.mark.timeout(600)
async def test_thousand_jobs_are_neither_lost_nor_doubled_while_workers_die_and_redis_restarts(tmp_path: Path) -> None:
    outcome = await soak.run(JOBS, SEED, tmp_path)

    assert all(row.holds for row in outcome.rows), "\n".join([verdict.render(outcome.rows), *outcome.details])
