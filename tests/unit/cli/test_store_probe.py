import pytest

from cli import store_probe
from cli.errors import StartError

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"redis://me:{SECRET}@redis.test:6380/1", "redis://redis.test:6380/1"),
        (f"rediss://[::1]/0?password={SECRET}", "rediss://[::1]/0"),
        (f"unix:///run/redis.sock?password={SECRET}", "unix:///run/redis.sock"),
        (f"redis://:{SECRET}/x@redis.test:6379", "the server of K8S_MCP_REDIS_URL"),
    ],
    ids=["user and password", "query", "socket", "slash in the password"],
)
def test_shown_url_has_no_secret(url: str, shown: str) -> None:
    assert store_probe.without_secrets(url) == shown


@pytest.mark.parametrize("url", [f"redis://:{SECRET}/x@redis.test:6379", f"redis://127.0.0.1:1/0?{SECRET}=1"])
async def test_unusable_url_is_told_without_its_secret(url: str) -> None:
    with pytest.raises(StartError) as refusal:
        await store_probe.is_ready(url)

    assert SECRET not in str(refusal.value)


async def test_server_that_is_away_is_not_ready() -> None:
    assert not await store_probe.is_ready("redis://127.0.0.1:1/0")
    assert await store_probe.running_jobs("redis://127.0.0.1:1/0") is None
