"""`mcp-k8s status` on a real server: what it shows, and how it ends."""

import asyncio
import json
import os
import subprocess
import sys

import pytest
from redis.asyncio import Redis

from shared.models import Lane
from shared.store.workers import Announcement, WorkerRegistry
from tests.support.impostor import bulk, impostor
from tests.support.jobs import WORKER_ID, Jobs
from tests.support.product import PROJECT, free_port
from tests.support.sentinel import cluster
from tests.support.sentinel.plan import Account, Plan
from tests.support.valkey import Valkey

PASSWORD = "hunter2"
TIMEOUT_S = 60


def status(url: str, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "K8S_MCP_REDIS_URL": url, **settings}
    command = [sys.executable, "-m", "cli.main", "status", *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def announcement(worker_id: str) -> Announcement:
    tools = {"kubectl": "1.37.1", "helm": "4.3.1"}
    return Announcement(worker_id=worker_id, tools=tools, slots={"fast": 1, "slow": 2}, running=1, sandbox="landlock-7")


async def test_fleet_is_shown_with_its_queue_and_workers(own_valkey: Valkey) -> None:
    async with Redis.from_url(own_valkey.url) as redis:
        jobs = Jobs(redis)
        await WorkerRegistry(redis).announce(announcement("here-1"))
        await jobs.running(lane=Lane.SLOW)
        await jobs.queued(lane=Lane.SLOW)
        found = json.loads(status(own_valkey.url, "--json").stdout)

    assert found["redis"]["append_only"] is True
    assert found["redis"]["eviction_policy"] == "noeviction"
    assert found["lanes"]["fast"] == {"queued": 0, "running": 0, "oldest_s": 0, "slots": 1}
    assert found["lanes"]["slow"].pop("oldest_s") >= 0
    assert found["lanes"]["slow"] == {"queued": 1, "running": 1, "slots": 2}
    serving, draining = found["workers"]
    assert (serving["id"], serving["draining"], serving["running"]) == ("here-1", False, 0)
    assert serving["tools"] == {"kubectl": "1.37.1", "helm": "4.3.1"}
    assert serving["heard_s"] >= 0
    assert (draining["id"], draining["draining"], draining["running"]) == (WORKER_ID, True, 1)


async def test_table_names_workers_and_lanes(own_valkey: Valkey) -> None:
    async with Redis.from_url(own_valkey.url) as redis:
        await Jobs(redis).running()
        await WorkerRegistry(redis).announce(announcement(WORKER_ID))
        shown = status(own_valkey.url)

    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "append-only, noeviction" in shown.stdout
    assert [line.split()[:4] for line in shown.stdout.splitlines() if line.startswith(("fast", "slow"))] == [
        ["fast", "0", "1", "1"],
        ["slow", "0", "0", "2"],
    ]
    assert "kubectl 1.37.1, helm 4.3.1" in shown.stdout


async def test_what_needs_an_operator_is_a_warning_and_another_exit_code(own_valkey: Valkey) -> None:
    async with Redis.from_url(own_valkey.url) as redis:
        await redis.config_set("appendonly", "no")
        await WorkerRegistry(redis).announce(announcement("here-1"))
        for _ in range(2):
            await Jobs(redis).queued()
        await Jobs(redis).running()
        busy = status(own_valkey.url)
        await WorkerRegistry(redis).withdraw(announcement("here-1"))
        alone = status(own_valkey.url)

    assert (busy.returncode, alone.returncode) == (3, 3), busy.stderr + alone.stderr
    assert "warning: Redis is not append-only" in busy.stdout
    assert "warning: every slot of the fast lane is taken and 2 jobs wait" in busy.stdout
    assert "warning: no worker takes jobs" in alone.stdout


async def test_wrong_password_is_one_line_without_it(own_valkey: Valkey) -> None:
    async with Redis.from_url(own_valkey.url) as redis:
        await redis.config_set("requirepass", "right")
    for url in (own_valkey.url, f"{own_valkey.url}?password={PASSWORD}"):
        refused = status(url)

        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr == "error: Redis rejects the user or password in K8S_MCP_REDIS_URL\n"


@pytest.mark.parametrize(
    ("url", "code", "reason"),
    [
        (f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0", 1, "error: Redis cannot be used: Error 111 connecting"),
        (f"redis://:{PASSWORD}@nowhere.invalid:6379/0", 1, "error: Redis cannot be used: "),
        (f"http://:{PASSWORD}@127.0.0.1", 78, "K8S_MCP_REDIS_URL must start with redis://"),
        (f"redis://127.0.0.1:1/0?{PASSWORD}=1", 78, "K8S_MCP_REDIS_URL cannot be used"),
    ],
    ids=["nobody listens", "no such host", "no Redis URL", "no such option"],
)
def test_server_that_cannot_be_asked_is_one_line(url: str, code: int, reason: str) -> None:
    refused = status(url)

    assert (refused.returncode, refused.stdout) == (code, "")
    assert refused.stderr.startswith(reason)
    assert len(refused.stderr.splitlines()) == 1
    assert PASSWORD not in refused.stderr


async def test_server_that_stands_still_is_one_line(own_valkey: Valkey) -> None:
    own_valkey.pause()
    refused = status(own_valkey.url)
    own_valkey.resume()

    assert (refused.returncode, refused.stderr) == (1, "error: Redis does not answer in time\n")


async def test_status_follows_sentinel_and_says_which_server_it_asked() -> None:
    async with cluster.running(Plan(servers=2, sentinel_account=Account(PASSWORD))) as running:
        options = {"K8S_MCP_REDIS_SENTINEL_PASSWORD": PASSWORD}
        before = json.loads(status(running.url, "--json", **options).stdout)
        old = await running.kill_primary()
        new = await running.switched(old)
        after = json.loads(status(running.url, "--json", **options).stdout)

    assert before["redis"]["address"] == f"{running.url}, primary 127.0.0.1:{old.port}"
    assert after["redis"]["address"].endswith(f"primary 127.0.0.1:{new.port}")


async def test_server_that_is_not_supported_is_one_line(valkey: Valkey) -> None:
    """A fake: a real server behind a relay that answers INFO as Dragonfly."""
    info = bulk("redis_version:7.2.0\r\ndragonfly_version:df-v1.23.0\r\n")
    async with impostor(valkey.socket, {"INFO": info}) as address:
        refused = await asyncio.to_thread(status, address.name)

    assert (refused.returncode, refused.stdout) == (78, "")
    assert refused.stderr.startswith("K8S_MCP_REDIS_URL leads to Dragonfly df-v1.23.0")
    assert len(refused.stderr.splitlines()) == 1
