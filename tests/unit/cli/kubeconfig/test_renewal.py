import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.errors import StartError
from cli.kubeconfig import exec_plugin, renewal
from cli.kubeconfig import handover as kubeconfig_handover
from cli.kubeconfig.credential_cache import CredentialCache
from cli.kubeconfig.exec_credential import Credential
from cli.kubeconfig.exec_plugin import ExecPlugin
from cli.kubeconfig.renewal import KubeconfigRenewal
from tests.support.waiting import wait_until

PLUGIN = exec_plugin.read(
    "user", {"apiVersion": "client.authentication.k8s.io/v1", "command": "cloud"}, cluster={}, folder=Path("/")
)


class Cloud:
    """Its second answer is a failure."""

    def __init__(self, life: timedelta | None) -> None:
        self.runs = 0
        self._life = life
        self.cache = CredentialCache(self.run)

    async def run(self, _: ExecPlugin) -> Credential:
        self.runs += 1
        if self.runs == 2:
            raise StartError("log in first")
        end = None if self._life is None else datetime.now(UTC) + self._life
        return Credential(f"token-{self.runs}", None, None, end)

    async def load(self) -> str:
        return str((await self.cache.credential(PLUGIN)).token)


async def test_lent_kubeconfig_gets_a_new_token_before_the_old_one_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "SHORTEST_INTERVAL_S", 0.01)
    cloud = Cloud(timedelta(0))
    reports: list[str] = []
    with kubeconfig_handover.handed_over(await cloud.load(), tmp_path) as handover:
        async with asyncio.TaskGroup() as group:
            renewing = group.create_task(KubeconfigRenewal(cloud.cache, cloud.load, handover).run(reports.append))
            await wait_until(lambda: cloud.runs >= 4, timeout_s=20)
            renewing.cancel()
        lent = os.pread(handover.descriptor, 100, 0).decode()

    assert lent not in ("token-1", "token-2")
    assert reports == ["the kubeconfig keeps its old token: log in first"]


async def test_credential_without_an_end_is_not_renewed(tmp_path: Path) -> None:
    cloud = Cloud(None)
    with kubeconfig_handover.handed_over(await cloud.load(), tmp_path) as handover:
        await KubeconfigRenewal(cloud.cache, cloud.load, handover).run(print)

    assert cloud.runs == 1
