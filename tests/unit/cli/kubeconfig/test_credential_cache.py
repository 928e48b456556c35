import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.errors import StartError
from cli.kubeconfig import exec_plugin
from cli.kubeconfig.credential_cache import CredentialCache
from cli.kubeconfig.exec_credential import Credential
from cli.kubeconfig.exec_plugin import ExecPlugin

START = datetime(2026, 1, 1, tzinfo=UTC)
ENTRY = {"apiVersion": "client.authentication.k8s.io/v1", "command": "cloud"}


def plugin(user: str = "user") -> ExecPlugin:
    return exec_plugin.read(user, ENTRY, cluster={}, folder=Path("/"))


class Cloud:
    """Gives credentials that live for so long by its own clock; or fails."""

    def __init__(self, life_s: float | None) -> None:
        self.now = START
        self.runs = 0
        self.fails = False
        self._life_s = life_s
        self.cache = CredentialCache(self.run, lambda: self.now)

    async def run(self, _: ExecPlugin) -> Credential:
        self.runs += 1
        await asyncio.sleep(0)  # so that others come in between, as they do while a program runs
        if self.fails:
            raise StartError("it failed")
        end = None if self._life_s is None else self.now + timedelta(seconds=self._life_s)
        return Credential(f"token-{self.runs}", None, None, end)


@pytest.mark.parametrize(("life_s", "margin_s"), [(900, 60), (60, 6)], ids=["quarter of an hour", "minute"])
async def test_credential_is_used_until_shortly_before_its_end(life_s: float, margin_s: float) -> None:
    cloud = Cloud(life_s)
    first = await cloud.cache.credential(plugin())
    cloud.now = START + timedelta(seconds=life_s - margin_s - 1)
    second = await cloud.cache.credential(plugin())
    cloud.now += timedelta(seconds=2)
    third = await cloud.cache.credential(plugin())

    assert [credential.token for credential in (first, second, third)] == ["token-1", "token-1", "token-2"]


async def test_credential_whose_end_nobody_knows_is_used_once() -> None:
    cloud = Cloud(None)

    tokens = [(await cloud.cache.credential(plugin())).token for _ in range(2)]

    assert tokens == ["token-1", "token-2"]


async def test_calls_at_once_share_one_run() -> None:
    cloud = Cloud(900)

    credentials = await asyncio.gather(*(cloud.cache.credential(plugin()) for _ in range(5)))

    assert {credential.token for credential in credentials} == {"token-1"}


async def test_calls_at_once_share_a_failure_and_later_ones_try_again() -> None:
    cloud = Cloud(900)
    cloud.fails = True
    failures = await asyncio.gather(*(cloud.cache.credential(plugin()) for _ in range(5)), return_exceptions=True)
    cloud.fails = False
    later = await cloud.cache.credential(plugin())

    assert all(isinstance(failure, StartError) for failure in failures)
    assert later.token == "token-2"


async def test_users_have_credentials_of_their_own() -> None:
    cloud = Cloud(900)

    tokens = [(await cloud.cache.credential(plugin(user))).token for user in ("one", "two", "one")]

    assert tokens == ["token-1", "token-2", "token-1"]
