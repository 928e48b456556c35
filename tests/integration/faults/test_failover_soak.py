"""A short soak of failovers with every run of the tests; `make soak ARGS=--failover` is the long one."""

from pathlib import Path

import pytest

from tests.soak import verdict
from tests.soak.failover import soak
from tests.soak.failover.soak import Amount
from tests.support.sentinel.plan import Plan

SHORT = Amount(jobs=120, held=24, events=4)
SEED = 1


@pytest.mark.alone("on a busy machine sentinels believe that servers are down")
@pytest.mark.timeout(600)
async def test_nothing_is_lost_or_done_twice_while_the_primary_is_ended_in_every_way(tmp_path: Path) -> None:
    outcome = await soak.run(SHORT, SEED, tmp_path, plan=Plan(relayed=True))

    assert all(row.holds for row in outcome.rows), "\n".join([verdict.render(outcome.rows), *outcome.details])
