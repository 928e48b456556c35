"""Connections on a real server: cancelled at every step, cut, and counted when they fail."""

import asyncio
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from shared import metrics
from shared.metrics import RedisErrorKind
from shared.network import redis_address
from shared.network.redis_address import RedisAddress
from shared.redis.redis_connection import UNAVAILABLE, gateway_client, reason, worker_pool
from tests.support.impostor import error as answer_of_error
from tests.support.impostor import impostor
from tests.support.valkey import Valkey

SECRET = "hunter2"
STEPS = 40
"""More turns of the event loop than connecting and one command take."""

Clients = Callable[[RedisAddress], Redis]


def worker_client(address: RedisAddress) -> Redis:
    return Redis.from_pool(worker_pool(address))


@pytest.fixture(params=[gateway_client, worker_client], ids=["gateway", "worker"])
def client_of(request: pytest.FixtureRequest) -> Clients:
    clients: Clients = request.param
    return clients


async def one_command(redis: Redis) -> Any:
    return await redis.get("key")


async def one_transaction(redis: Redis) -> Any:
    async with redis.pipeline(transaction=True) as pipe:
        pipe.get("key")
        return await pipe.execute()


@pytest.mark.parametrize("command", [one_command, one_transaction])
@pytest.mark.parametrize("is_connected", [True, False], ids=["connected", "connecting"])
async def test_cancelled_task_ends_whatever_step_it_is_at(
    redis_url: str, client_of: Clients, command: Callable[[Redis], Any], is_connected: bool
) -> None:
    async def work(redis: Redis) -> None:
        await command(redis)
        ended.append(step)

    for step in range(1, STEPS):
        ended: list[int] = []
        async with client_of(redis_address.parse(redis_url)) as redis:
            if is_connected:
                await redis.ping()
            task = asyncio.create_task(work(redis), name="work")
            for _ in range(step):
                await asyncio.sleep(0)
            cancelled = not task.done()
            task.cancel()
            await asyncio.wait({task})

            assert not (cancelled and ended), f"step {step}: the cancellation was lost"
            assert await redis.echo("next") == b"next", "the next caller gets its own answer"


async def test_command_after_an_outage_works(own_valkey: Valkey, client_of: Clients) -> None:
    async with client_of(own_valkey.address) as redis:
        await redis.set("key", "value", ex=60)
        own_valkey.restart()

        assert await redis.get("key") == b"value"


@pytest.mark.parametrize("given", ["", "?password=wrong"], ids=["none", "wrong"])
async def test_password_that_does_not_fit_is_told_at_once(own_valkey: Valkey, client_of: Clients, given: str) -> None:
    """Without an end of it a process would do nothing but connect, ever deeper in its own calls."""
    async with Redis.from_url(own_valkey.url) as admin:
        await admin.config_set("requirepass", "right")

    async with client_of(redis_address.parse(f"{own_valkey.url}{given}")) as redis:
        with pytest.raises(UNAVAILABLE) as refusal:
            await redis.ping()

    assert reason(refusal.value) == "Redis rejects the user or password in K8S_MCP_REDIS_URL"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            answer_of_error(f"ERR unknown command 'AUTH', with args beginning with: 'user' '{SECRET}' "),
            "it does not know a command that is needed",
        ),
        (f"no Redis: AUTH user {SECRET}\r\n".encode(), "does not speak the protocol of Redis"),
    ],
    ids=["server without AUTH", "another protocol"],
)
async def test_password_that_a_server_quotes_is_in_no_text_and_no_traceback(
    valkey: Valkey, client_of: Clients, answer: bytes, told: str
) -> None:
    async with impostor(valkey.socket, {"AUTH": answer}) as place:
        assert place.server is not None
        address = redis_address.parse(f"redis://user:{SECRET}@127.0.0.1:{place.server.port}/0")
        async with client_of(address) as redis:
            with pytest.raises(UNAVAILABLE) as refusal:
                await redis.ping()

    assert told in reason(refusal.value)
    assert SECRET not in reason(refusal.value) + "".join(traceback.format_exception(refusal.value))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ResponseError(f"MISCONF {SECRET}"), "(MISCONF)"),
        (ResponseError(f"{SECRET} is refused"), "(ERR)"),
        (RedisError("the connection is in use"), "the connection is in use"),
    ],
    ids=["known code", "unknown text", "of the client"],
)
def test_text_of_a_server_is_not_shown_beyond_a_known_code(error: RedisError, told: str) -> None:
    assert told in reason(error)
    assert SECRET not in reason(error)


async def test_primary_that_may_not_write_alone_is_told(own_valkey: Valkey, client_of: Clients) -> None:
    async with client_of(own_valkey.address) as redis:
        await redis.config_set("min-replicas-to-write", 1)
        with pytest.raises(UNAVAILABLE) as refusal:
            await redis.register_script("#!lua flags=allow-oom\nreturn redis.call('SET', 'key', '1')")()

    assert "too few replicas follow the primary (min-replicas-to-write)" in reason(refusal.value)


async def test_absent_server_is_unavailable(own_valkey: Valkey, client_of: Clients) -> None:
    own_valkey.kill()

    async with client_of(own_valkey.address) as redis:
        with pytest.raises(UNAVAILABLE):
            await redis.ping()


def errors(kind: RedisErrorKind) -> float:
    return metrics.GATEWAY.get_sample_value("mcp_k8s_redis_errors_total", {"kind": kind}) or 0


async def test_errors_are_counted_by_what_they_are(own_valkey: Valkey, client_of: Clients) -> None:
    before = {kind: errors(kind) for kind in RedisErrorKind}
    async with client_of(own_valkey.address) as redis:
        await redis.config_set("maxmemory", 1)
        with pytest.raises(OutOfMemoryError):
            await redis.set("key", "value")
        with pytest.raises(ResponseError):
            await redis.execute_command("NONSENSE")  # type: ignore[no-untyped-call]
        counted = {kind: errors(kind) - before[kind] for kind in RedisErrorKind}
        own_valkey.kill()
        with pytest.raises(UNAVAILABLE):
            await redis.get("key")

    assert (counted[RedisErrorKind.FULL], counted[RedisErrorKind.ANSWER]) == (1, 1)
    assert counted[RedisErrorKind.CONNECTION] == counted[RedisErrorKind.TIMEOUT] == 0
    assert errors(RedisErrorKind.CONNECTION) > before[RedisErrorKind.CONNECTION]


async def test_script_that_is_not_there_yet_is_no_error(own_valkey: Valkey, client_of: Clients) -> None:
    before = {kind: errors(kind) for kind in RedisErrorKind}
    async with client_of(own_valkey.address) as redis:
        assert await redis.register_script("return 7")() == 7

    assert {kind: errors(kind) for kind in RedisErrorKind} == before
