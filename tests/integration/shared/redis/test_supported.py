"""Which servers are refused, and in what words. Servers that cannot be installed here are fakes, as their tests say."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.network import redis_address
from shared.network.redis_address import RedisAddress
from shared.redis import supported
from shared.redis.redis_connection import UNAVAILABLE, gateway_client
from shared.redis.supported import UnsupportedServerError
from tests.support.impostor import bulk, error, impostor
from tests.support.product import free_port
from tests.support.sentinel.member import Member
from tests.support.sentinel.plan import Programs
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

DRAGONFLY = "# Server\r\nredis_version:7.2.0\r\ndragonfly_version:df-v1.23.0\r\nredis_mode:standalone\r\n"
KEYDB = "# Server\r\nredis_version:6.3.4\r\nredis_mode:standalone\r\n# KeyDB\r\nmvcc_depth:0\r\n"
OLD = "# Server\r\nredis_version:6.2.14\r\nredis_mode:standalone\r\n# Cluster\r\ncluster_enabled:0\r\n"
MANAGED_CLUSTER = "# Server\r\nredis_version:7.1.0\r\nredis_mode:cluster\r\n# Cluster\r\ncluster_enabled:1\r\n"
NO_SCRIPTS = {"EVALSHA": error("ERR unsupported command 'evalsha'"), "EVAL": error("ERR unsupported command 'eval'")}


async def refusal(address: RedisAddress) -> str | None:
    async with gateway_client(address) as redis:
        return await supported.refusal(redis)


@pytest.fixture
async def cluster_mode(tmp_path: Path) -> AsyncIterator[Valkey]:
    files = {"cluster-config-file": str(tmp_path / "nodes"), "port": str(free_port()), "bind": "127.0.0.1"}
    with Valkey({"cluster-enabled": "yes", "cluster-port": str(free_port()), **files}) as server:
        yield server


async def test_embedded_server_is_supported(valkey: Valkey) -> None:
    await supported.require(valkey.address)

    assert await refusal(valkey.address) is None


async def test_cluster_mode_is_refused(cluster_mode: Valkey) -> None:
    with pytest.raises(UnsupportedServerError) as refused:
        await supported.require(cluster_mode.address)

    assert str(refused.value).startswith("K8S_MCP_REDIS_URL leads to a server in cluster mode, ")
    assert "without cluster mode" in str(refused.value)


@pytest.mark.parametrize(
    ("info", "found"),
    [
        (DRAGONFLY, "Dragonfly df-v1.23.0"),
        (KEYDB, "KeyDB 6.3.4"),
        (OLD, "a server of version 6.2.14"),
        (MANAGED_CLUSTER, "a server in cluster mode"),
    ],
    ids=["dragonfly", "keydb", "old", "cluster"],
)
async def test_server_is_recognised_by_what_it_says_of_itself(valkey: Valkey, info: str, found: str) -> None:
    """A fake: a real server behind a relay that answers INFO as these servers do."""
    async with impostor(valkey.socket, {"INFO": bulk(info)}) as address:
        text = await refusal(address)

    assert text is not None
    assert text.startswith(f"K8S_MCP_REDIS_URL leads to {found}")
    assert "use Redis or Valkey 7 or later" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ({"INFO": error("ERR unsupported command 'info'")}, "something that does not answer INFO"),
        (NO_SCRIPTS, "a server or proxy that refuses scripts"),
        ({"INFO": error("NOPERM no"), **NO_SCRIPTS}, "a server or proxy that refuses scripts"),
        (
            {"EVALSHA": error("ERR Error running script: script tried accessing undeclared key")},
            "a server or proxy that refuses scripts",
        ),
    ],
    ids=["no INFO", "no scripts", "neither", "undeclared keys"],
)
async def test_proxy_is_recognised_by_what_it_refuses(valkey: Valkey, answers: dict[str, bytes], found: str) -> None:
    """A fake: a real server behind a relay that refuses what such proxies refuse."""
    async with impostor(valkey.socket, answers) as address:
        text = await refusal(address)

    assert text is not None
    assert text.startswith(f"K8S_MCP_REDIS_URL leads to {found}")


async def test_user_without_the_right_to_ask_is_judged_by_its_scripts(own_valkey: Valkey) -> None:
    async with Redis.from_url(own_valkey.url) as admin:
        await admin.execute_command(
            "ACL", "SETUSER", "app", "on", "nopass", *supported.ALLOWED_USER.split(), "-@dangerous"
        )
        await admin.execute_command("ACL", "SETUSER", "none", "on", "nopass", "~other:*", "+@all")

    def of(user: str) -> RedisAddress:
        return redis_address.parse(f"{own_valkey.url}?username={user}&password=any")

    assert await refusal(of("app")) is None
    assert f"{supported.ALLOWED_USER} is enough" in (await refusal(of("none")) or "")


async def test_server_that_is_busy_or_away_is_not_refused(own_valkey: Valkey) -> None:
    async with Redis.from_url(own_valkey.url) as admin, Redis.from_url(own_valkey.url) as looping:
        await admin.config_set("busy-reply-threshold", 1)
        await looping.ping()
        connection = await looping.connection_pool.get_connection()
        await connection.send_command("EVAL", "while true do end", 0)

        async def is_busy() -> bool:
            try:
                return not await admin.ping()
            except UNAVAILABLE:
                return True

        await wait_until(is_busy)
        with pytest.raises(UNAVAILABLE):
            await refusal(own_valkey.address)
        await supported.require(own_valkey.address)
        await admin.script_kill()
        await looping.connection_pool.release(connection)

    own_valkey.kill()
    await supported.require(own_valkey.address)


async def test_sentinel_in_the_place_of_a_server_is_told_apart(tmp_path: Path) -> None:
    port = free_port()
    command = [Programs().sentinel, "--sentinel"]
    member = Member("sentinel", port, tmp_path / "own", command=command, account=None, certificates=None)
    member.configure([("port", str(port)), ("bind", "127.0.0.1"), ("dir", str(tmp_path))])
    await member.start()
    try:
        text = await refusal(redis_address.parse(f"redis://127.0.0.1:{port}/0"))
    finally:
        member.kill()

    assert text is not None
    assert "a Sentinel: " in text
    assert "redis+sentinel://" in text
