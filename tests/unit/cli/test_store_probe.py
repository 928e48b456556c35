from cli import store_probe
from shared.network import redis_address

AWAY = redis_address.parse("redis://127.0.0.1:1/0")


async def test_server_that_is_away_is_not_ready() -> None:
    assert not await store_probe.is_ready(AWAY)
    assert await store_probe.running_jobs(AWAY) is None
