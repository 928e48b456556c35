"""TLS to servers and sentinels. The embedded server has none, so a relay speaks it in front of a real one."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.network import redis_address
from shared.redis.redis_connection import UNAVAILABLE, gateway_client, reason, worker_pool
from shared.redis.sentinel_watch import SentinelWatch
from tests.integration.shared.redis.fake_sentinels import of_sentinel
from tests.support.api_server import certificates
from tests.support.cut import network
from tests.support.impostor import impostor
from tests.support.valkey import Valkey


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    certificates.write(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server-key.pem")
    return context


@pytest.fixture
async def server_port(valkey: Valkey, tls: ssl.SSLContext) -> AsyncIterator[int]:
    async with impostor(valkey.socket, {}, tls=tls) as place:
        assert place.server is not None
        yield place.server.port


@pytest.fixture
async def sentinel_port(valkey: Valkey, tls: ssl.SSLContext, server_port: int) -> AsyncIterator[int]:
    async with impostor(valkey.socket, of_sentinel(server_port, 1), tls=tls) as place:
        assert place.server is not None
        yield place.server.port


async def failure(url: str, ca_file: Path | None) -> str:
    async with gateway_client(redis_address.parse(url, ca_file=ca_file)) as redis:
        with pytest.raises(UNAVAILABLE) as error:
            await redis.ping()
    return reason(error.value)


async def test_server_is_trusted_by_the_authority_of_the_settings(server_port: int, tmp_path: Path) -> None:
    address = redis_address.parse(f"rediss://localhost:{server_port}/0", ca_file=tmp_path / "ca.pem")

    async with gateway_client(address) as gateway, Redis.from_pool(worker_pool(address)) as worker:
        assert await gateway.ping()
        assert await worker.ping()


async def test_sentinels_and_servers_are_trusted_by_the_same_authority(sentinel_port: int, tmp_path: Path) -> None:
    """A fake sentinel."""
    address = redis_address.parse(f"rediss+sentinel://localhost:{sentinel_port}/jobs", ca_file=tmp_path / "ca.pem")
    watch = SentinelWatch(address)

    async with gateway_client(address) as gateway, Redis.from_pool(worker_pool(address)) as worker:
        assert await gateway.ping()
        assert await worker.ping()
    await watch.look()
    assert not watch.replicas.expected
    await watch.close()


async def test_server_of_an_unknown_authority_is_told(server_port: int) -> None:
    text = await failure(f"rediss://localhost:{server_port}/0", None)

    assert text.startswith("the certificate of Redis is not trusted (K8S_MCP_REDIS_CA_FILE ")


async def test_sentinel_of_an_unknown_authority_is_told(sentinel_port: int) -> None:
    text = await failure(f"rediss+sentinel://localhost:{sentinel_port}/jobs", None)

    assert "the certificate of a Sentinel is not trusted (K8S_MCP_REDIS_CA_FILE " in text


async def test_server_without_tls_is_told(valkey: Valkey) -> None:
    async with network(valkey.socket) as between:
        text = await failure(f"rediss://localhost:{between.port}/0", None)

    assert text == "Redis does not answer in time"


async def test_subscription_that_is_cancelled_ends_although_the_server_hangs(server_port: int, tmp_path: Path) -> None:
    async def listen(redis: Redis) -> None:
        async with redis.pubsub() as pubsub:
            await pubsub.subscribe("channel")
            while True:
                await pubsub.get_message(timeout=60)
                subscribed.set()

    subscribed = asyncio.Event()
    async with network(server_port) as between:
        address = redis_address.parse(f"rediss://localhost:{between.port}/0", ca_file=tmp_path / "ca.pem")
        async with gateway_client(address) as redis:
            task = asyncio.create_task(listen(redis), name="listen")
            await subscribed.wait()
            between.stall()
            task.cancel()
            [end] = await asyncio.gather(task, return_exceptions=True)

    assert isinstance(end, asyncio.CancelledError)
