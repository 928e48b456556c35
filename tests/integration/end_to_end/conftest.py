"""Systems for the whole session: starting one costs seconds, so tests share them."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from tests.integration.end_to_end.system import System, start
from tests.support import leftovers
from tests.support.api_server import ApiServer
from tests.support.caller import Caller, caller_of
from tests.support.product import Product
from tests.support.valkey import long_lived

KILL_GRACE_S = "0.5"
STORED_OUTPUT_BYTES = 1024 * 1024
DENIED = "127.0.0.9"
"""An address that no command may reach, though loopback is allowed here."""


@pytest.fixture(scope="session")
def api_server() -> Iterator[ApiServer]:
    with ApiServer.long_lived() as server:
        yield server


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Two gateways and one worker, which no test stops."""
    with long_lived() as valkey, Product(valkey.url, tmp_path_factory.mktemp("system")) as product:
        yield start(
            product,
            gateways=2,
            workers=1,
            K8S_MCP_KILL_GRACE_S=KILL_GRACE_S,
            K8S_MCP_LOG_LEVEL="debug",  # what could be said is said: tests look for secrets in it
            K8S_MCP_STORED_OUTPUT_BYTES=str(STORED_OUTPUT_BYTES),
            K8S_MCP_EGRESS_DENY=DENIED,
        )


@pytest.fixture(scope="session")
def hasty_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One gateway that soon hands a command over, and no worker but those that a test starts and ends."""
    with long_lived() as valkey, Product(valkey.url, tmp_path_factory.mktemp("hasty")) as product:
        yield start(product, gateways=1, K8S_MCP_MCP_WAIT="0.5")


@pytest.fixture
async def caller(system: System, api_server: ApiServer) -> AsyncIterator[Caller]:
    async with caller_of(system.url, api_server.kubeconfig()) as client:
        yield client


@pytest.fixture
async def other_caller(system: System, api_server: ApiServer) -> AsyncIterator[Caller]:
    """Of the second gateway."""
    async with caller_of(system.other_url, api_server.kubeconfig()) as client:
        yield client


@pytest.fixture
async def hasty_caller(hasty_system: System, api_server: ApiServer) -> AsyncIterator[Caller]:
    async with caller_of(hasty_system.url, api_server.kubeconfig()) as client:
        yield client


@pytest.fixture
async def system_redis(system: System) -> AsyncIterator[Redis]:
    """The system's own; every key must have a TTL, but those that are bounded."""
    async with Redis.from_url(system.product.redis_url) as client:
        yield client
        immortal = await leftovers.immortal_keys(client)
        assert not immortal, f"keys without TTL: {immortal}"


@pytest.fixture
async def hasty_product(hasty_system: System) -> AsyncIterator[Product]:
    """The hasty system's product, to start workers in: they end with the test."""
    product = hasty_system.product
    before = len(product.processes)
    yield product
    for process in product.processes[before:]:
        process.stop()


@pytest.fixture
def name() -> str:
    """One that no other test uses."""
    return f"t{uuid.uuid4().hex[:8]}"
