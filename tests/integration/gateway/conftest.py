"""A real gateway process on a real Valkey, without any worker: tests do by hand what a worker would."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from shared.sealing.fernet_keys import MasterKeys
from tests.integration.gateway.served import TIMEOUT_S, Served
from tests.support import processes
from tests.support.hand_worker import HandWorker
from tests.support.product import START_TIMEOUT_S, Product, is_serving
from tests.support.valkey import Valkey
from tests.support.waiting import wait_blocking

ENTRY = "gateway.main"
"""The gateway itself, without the tools of tests."""


@pytest.fixture(scope="session")
def master_key() -> str:
    return MasterKeys.generate()


@pytest.fixture(scope="session")
def gateway(valkey: Valkey, master_key: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for the whole session, which no test stops or signals."""
    with Product(valkey.url, tmp_path_factory.mktemp("gateway"), entry=ENTRY, master_key=master_key) as product:
        url, process = product.start_gateway()
        processes.long_lived.add(process.pid)
        wait_blocking(lambda: is_serving(url, process), timeout_s=START_TIMEOUT_S)
        yield Served(url, process)


@pytest.fixture
async def client(gateway: Served, redis_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of the session's gateway, on an empty Redis."""
    assert redis_url
    async with httpx.AsyncClient(base_url=gateway.url, timeout=TIMEOUT_S) as caller:
        yield caller


@pytest.fixture
def worker(redis: Redis, master_key: str) -> HandWorker:
    return HandWorker(redis, master_key)


@pytest.fixture
def product(redis_url: str, master_key: str, tmp_path: Path) -> Iterator[Product]:
    """For gateways of one test alone, on the session's Valkey."""
    with Product(redis_url, tmp_path, entry=ENTRY, master_key=master_key) as own:
        yield own


@pytest.fixture
async def product_with_short_waits(product: Product) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of a gateway that nobody waits on for longer than a moment."""
    url = await product.gateway(K8S_MCP_MAX_WAIT_S="0.1")
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S) as caller:
        yield caller
