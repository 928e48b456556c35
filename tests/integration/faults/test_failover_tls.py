"""Failovers of Debian's redis-server and redis-sentinel. All connections use TLS, and users have only needed rights.

The embedded server has no TLS.
"""

import shutil
from pathlib import Path

import pytest

from tests.soak import verdict
from tests.soak.failover import soak
from tests.soak.failover.soak import Amount
from tests.support.api_server import certificates
from tests.support.sentinel.plan import Account, Certificates, Plan, Programs

SERVER, SENTINEL = shutil.which("redis-server"), shutil.which("redis-sentinel")
SHORT = Amount(jobs=60, held=12, events=4)
SEED = 1
USER = Account("of-the-product", user="jobs", rights="~mcp-k8s:* &mcp-k8s:* +@all")
SENTINEL_USER = Account(
    "for-sentinel",
    user="watcher",
    rights="+ping +sentinel|get-master-addr-by-name +sentinel|master +sentinel|slaves +subscribe &*",
)


@pytest.mark.skipif(not (SERVER and SENTINEL), reason="no redis-server and redis-sentinel on PATH, which have TLS")
@pytest.mark.alone("on a busy machine sentinels believe that servers are down")
@pytest.mark.timeout(600)
async def test_nothing_is_lost_or_done_twice_with_tls_and_users_of_few_rights(tmp_path: Path) -> None:
    assert SERVER
    assert SENTINEL
    (files := tmp_path / "certificates").mkdir()
    certificates.write(files)
    plan = Plan(
        account=USER,
        sentinel_account=SENTINEL_USER,
        certificates=Certificates(files / "ca.pem", files / "server.pem", files / "server-key.pem"),
        programs=Programs(SERVER, SENTINEL),
        relayed=True,
    )

    outcome = await soak.run(SHORT, SEED, tmp_path, plan=plan)

    assert all(row.holds for row in outcome.rows), "\n".join([verdict.render(outcome.rows), *outcome.details])
