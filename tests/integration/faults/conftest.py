"""A product of its own for each test: its processes are killed, stopped and cut off, and its Redis too."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.integration.faults.scene import Scene
from tests.support import leftovers
from tests.support.counting import CountingServer, counting_server
from tests.support.product import Product
from tests.support.valkey import Valkey


@pytest.fixture
async def counting() -> AsyncIterator[CountingServer]:
    async with counting_server() as server:
        yield server


@pytest.fixture
async def product(own_valkey: Valkey, tmp_path: Path) -> AsyncIterator[Product]:
    with Product(own_valkey.url, tmp_path, settings={"K8S_MCP_KILL_GRACE_S": "0.5"}) as product:
        yield product


@pytest.fixture
async def scene(product: Product, own_valkey: Valkey, counting: CountingServer) -> AsyncIterator[Scene]:
    """One gateway, and no worker yet; at the end every key must have a TTL, but those that are bounded."""
    async with Redis.from_url(own_valkey.url) as redis:
        gateway = await product.gateway()
        async with Scene.at(gateway, product, own_valkey, redis=redis, counting=counting) as scene:
            yield scene
        own_valkey.ensure_running()
        immortal = await leftovers.immortal_keys(redis)
        assert not immortal, f"keys without TTL: {immortal}"


@pytest.fixture
def mark() -> str:
    """A word that no other test's command has."""
    return f"m{uuid.uuid4().hex[:10]}"
