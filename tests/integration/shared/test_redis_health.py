import asyncio

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from shared import redis_health
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
    monkeypatch.setattr(redis_health, "RETRY_DELAY_S", 0.01)
    own_valkey.kill()
    async with Redis.from_url(own_valkey.url) as redis:
        with capture_logs() as logs:
            async with asyncio.TaskGroup() as group:
                warning = group.create_task(redis_health.warn(redis), name="warn")
                await wait_until(lambda: own_valkey.restart() is None and warning.done())

    assert logs == []
