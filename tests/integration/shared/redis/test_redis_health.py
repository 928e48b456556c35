import asyncio

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from shared.redis import redis_health
from shared.redis.redis_connection import UNAVAILABLE
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


async def test_warning_waits_for_redis_to_come_back(own_valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[Exception] = []

    async def noted(redis: Redis) -> list[str]:
        try:
            return await shortcomings(redis)
        except UNAVAILABLE as error:
            errors.append(error)
            raise

    shortcomings = redis_health.shortcomings
    monkeypatch.setattr(redis_health, "shortcomings", noted)
    monkeypatch.setattr(redis_health, "RETRY_DELAY_S", 0.01)
    own_valkey.kill()
    async with Redis.from_url(own_valkey.url) as redis, asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(redis_health.warn(redis), name="warn")
        await wait_until(lambda: errors)
        own_valkey.start()


async def test_each_shortcoming_is_warned_of_once() -> None:
    with Valkey(EVICTING) as server, capture_logs() as logs:
        async with Redis.from_url(server.url) as redis:
            await redis_health.warn(redis)

    assert [entry["log_level"] for entry in logs] == ["warning", "warning"]
