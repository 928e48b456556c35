"""Fake sentinels, for tests in which sentinels disagree: real servers behind relays that answer as sentinels."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from shared.network import redis_address
from shared.network.redis_address import RedisAddress
from tests.support.impostor import impostor
from tests.support.product import free_port
from tests.support.valkey import Valkey


@asynccontextmanager
async def sentinels(valkey: Valkey, named: list[tuple[int, int] | None]) -> AsyncIterator[RedisAddress]:
    """Fakes that name a primary by its port, with the number of its failover; None is one that is away."""
    async with AsyncExitStack() as stack:
        ports = []
        for answer in named:
            if answer is None:
                ports.append(free_port())
                continue
            place = await stack.enter_async_context(impostor(valkey.socket, of_sentinel(*answer)))
            assert place.server is not None
            ports.append(place.server.port)
        yield redis_address.parse(f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in ports)}/jobs")


def of_sentinel(port: int, epoch: int) -> dict[str, bytes]:
    state = {
        "name": "jobs",
        "ip": "127.0.0.1",
        "port": port,
        "flags": "master",
        "config-epoch": epoch,
        "num-slaves": 0,
        "num-other-sentinels": 0,
    }
    flat = [str(each) for pair in state.items() for each in pair]
    return {
        "SENTINEL GET-MASTER-ADDR-BY-NAME": array(["127.0.0.1", str(port)]),
        "SENTINEL MASTER": array(flat),
        "SENTINEL SLAVES": array([]),
    }


def array(words: list[str]) -> bytes:
    return "".join([f"*{len(words)}\r\n", *(f"${len(word)}\r\n{word}\r\n" for word in words)]).encode()
