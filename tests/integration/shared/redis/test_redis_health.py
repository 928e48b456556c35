import asyncio

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from shared.redis import redis_health
from shared.redis.redis_health import ServerCheck
from shared.restart_on_failure import restarted
from tests.support.impostor import bulk, error, impostor
from tests.support.product import free_port
from tests.support.valkey import APPEND_ONLY, Valkey
from tests.support.waiting import wait_until

EVICTING = {"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"}


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        pytest.param({**APPEND_ONLY}, [], id="safe"),
        pytest.param({}, ["appendonly yes"], id="not-append-only"),
        pytest.param({**APPEND_ONLY, **EVICTING}, ["maxmemory-policy noeviction"], id="evicting"),
        pytest.param(EVICTING, ["appendonly yes", "maxmemory-policy noeviction"], id="both"),
        pytest.param({**APPEND_ONLY, "maxmemory-policy": "allkeys-lru"}, [], id="policy-without-limit"),
        pytest.param({**APPEND_ONLY, "maxmemory": "100mb"}, [], id="limit-without-eviction"),
    ],
)
async def test_shortcomings_say_what_to_set(options: dict[str, str], missing: list[str]) -> None:
    with Valkey(options) as server:
        async with Redis.from_url(server.url) as redis:
            found = await redis_health.shortcomings(redis)

    assert [text.partition("set ")[2] for text in found] == missing


@pytest.mark.parametrize(
    ("least", "missing"), [("0", ["min-replicas-to-write 1 on every server"]), ("1", [])], ids=["none", "one"]
)
async def test_primary_with_replicas_must_not_accept_jobs_without_them(least: str, missing: list[str]) -> None:
    port = free_port()
    listening = {**APPEND_ONLY, "port": str(port), "bind": "127.0.0.1", "min-replicas-to-write": least}
    with Valkey(listening) as primary, Valkey({**APPEND_ONLY, "replicaof": f"127.0.0.1 {port}"}):
        async with Redis.from_url(primary.url) as redis:

            async def has_replica() -> bool:
                return bool((await redis.info("replication"))["connected_slaves"])

            await wait_until(has_replica)
            found = await redis_health.shortcomings(redis)

    assert [text.partition("set ")[2] for text in found] == missing


@pytest.mark.parametrize(
    "answers",
    [
        {
            "INFO": bulk("redis_version:7.2.0\r\naof_enabled:1\r\nconnected_slaves:1\r\n"),
            "CONFIG": error("ERR unknown"),
        },
        {"INFO": error("NOPERM no")},
    ],
    ids=["CONFIG", "INFO"],
)
async def test_server_that_tells_nothing_has_no_shortcomings(valkey: Valkey, answers: dict[str, bytes]) -> None:
    """A fake: a real server behind a relay that refuses what managed services refuse."""
    async with impostor(valkey.socket, answers) as address, Redis(**address.options) as redis:
        assert await redis_health.shortcomings(redis) == []


async def test_check_waits_for_redis_to_come_back(own_valkey: Valkey) -> None:
    own_valkey.kill()
    with capture_logs() as logs:
        async with Redis.from_url(own_valkey.url) as redis, asyncio.timeout(20), asyncio.TaskGroup() as group:
            group.create_task(restarted(ServerCheck(redis).run, "check"), name="check")
            await wait_until(lambda: logs)
            own_valkey.start()

    assert logs[0]["event"] == "redis unreachable"


async def test_each_shortcoming_is_warned_of_once() -> None:
    with Valkey(EVICTING) as server, capture_logs() as logs:
        async with Redis.from_url(server.url) as redis:
            await ServerCheck(redis).run()

    assert [entry["log_level"] for entry in logs] == ["warning", "warning"]


async def test_unsupported_server_makes_nobody_ready(valkey: Valkey) -> None:
    """A fake: a real server behind a relay that answers INFO as an old one."""
    old = {"INFO": bulk("redis_version:6.2.14\r\n")}
    async with impostor(valkey.socket, old) as address, Redis(**address.options) as redis:
        check = ServerCheck(redis)
        with capture_logs() as logs:
            await check.run()

    assert check.refusal is not None
    assert [(entry["event"], entry["reason"]) for entry in logs] == [("not ready", check.refusal)]
