"""Followers of a job among each other, through outages, and where their clients or gateways do not keep up."""

import asyncio
import re
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from redis.asyncio import Redis

from shared.events import EventKind
from shared.redis.redis_connection import worker_pool
from shared.store import key_names
from tests.integration.gateway import conftest, served
from tests.support.events import Event, all_events, following
from tests.support.hand_worker import HandWorker
from tests.support.product import STOP_TIMEOUT_S, Process, Product
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

OUT, ERR = EventKind.STDOUT, EventKind.STDERR
LARGE_EVENT = (OUT, b"x" * 64 * 1024)
LARGE_EVENTS = 120
SLOW_READERS = 20
MOST_GROWTH_KIB = 120 * 1024
"""Twenty whole outputs, which are sealed in base64 twice, would be 280 MiB."""
FOLLOWERS = 1_000


async def connected(url: str, job_id: str, stack: AsyncExitStack) -> asyncio.StreamReader:
    """A follower that reads no more than its test asks for."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1024)
    stack.callback(writer.close)
    writer.write(f"GET /jobs/{job_id}/events HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
    assert b"200" in await reader.readline()
    return reader


def resident_kib(process: Process) -> int:
    """What a process holds of the machine's memory."""
    found = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


async def pubsub_connections(redis: Redis) -> int:
    return len(await redis.client_list(_type="pubsub"))


async def followed(redis: Redis) -> list[str]:
    """Ids of the jobs that a gateway follows."""
    found = redis.scan_iter(f"{key_names.FOLLOWERS}*")
    return [name.decode().removeprefix(key_names.FOLLOWERS) async for name in found]


def texts(events: list[Event]) -> str:
    return "".join(event.data["text"] for event in events if event.name in (OUT, ERR))


async def test_cut_at_each_event_while_the_job_runs_loses_and_repeats_nothing(
    client: httpx.AsyncClient, product: Product, worker: HandWorker
) -> None:
    """A client that reads one event a connection, from two gateways in turn."""
    other_url = await product.gateway()
    job_id = await served.submitted(client)
    claim = await worker.claim(job_id)
    output = [(ERR if number % 3 else OUT, f"{number},".encode()) for number in range(30)]
    sealed = worker.events(claim, output)
    seen: list[Event] = []
    async with httpx.AsyncClient(base_url=other_url, timeout=served.TIMEOUT_S) as other:
        while not seen or seen[-1].name != "end":
            if sealed:
                await worker.store.append(claim.attempt, [sealed.pop(0)])
            elif len(seen) == len(output) + 1:
                await worker.settle(claim)
            at = (client, other)[len(seen) % 2]
            async with following(at, job_id, after=seen[-1].id if seen else None) as events:
                seen.append(await anext(events))

    assert [event.name for event in seen] == ["state", *(kind for kind, _ in output), "state", "end"]
    assert texts(seen) == "".join(data.decode() for _, data in output)


async def test_follower_from_before_the_start_sees_all_of_it(client: httpx.AsyncClient, worker: HandWorker) -> None:
    job_id = await served.submitted(client)
    async with following(client, job_id) as events:
        seen = [await anext(events)]
        claim = await worker.claim(job_id)
        await worker.write(claim, (OUT, b"one\n"))
        await worker.settle(claim)
        seen += [event async for event in events]

    assert [event.name for event in seen[-3:]] == ["stdout", "state", "end"]
    assert seen[0].data["state"] == "queued"


async def test_events_whose_notices_were_lost_come_all_the_same(
    client: httpx.AsyncClient, redis: Redis, worker: HandWorker
) -> None:
    job_id = await served.submitted(client)
    claim = await worker.claim(job_id)
    async with following(client, job_id) as events:
        await anext(events)
        [event] = worker.events(claim, [(OUT, b"quietly\n")])
        async with redis.pipeline() as pipe:
            pipe.xadd(key_names.EVENTS + job_id, {"event": event.token}, id=f"{event.sequence}-0")
            pipe.expire(key_names.EVENTS + job_id, 60)
            await pipe.execute()
        assert (await anext(events)).data["text"] == "quietly\n"


async def test_slow_readers_cost_little_memory_and_delay_nobody(
    product: Product, client: httpx.AsyncClient, worker: HandWorker
) -> None:
    url = await product.gateway()
    gateway = product.processes[-1]
    job_id = await served.submitted(client)
    claim = await worker.claim(job_id)
    await worker.write(claim, *[LARGE_EVENT] * LARGE_EVENTS)
    await worker.settle(claim)
    before_kib = resident_kib(gateway)
    async with AsyncExitStack() as stack, httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as fast:
        slow = [await connected(url, job_id, stack) for _ in range(SLOW_READERS)]
        assert texts(await all_events(fast, job_id)) == LARGE_EVENT[1].decode() * LARGE_EVENTS
        assert resident_kib(gateway) - before_kib < MOST_GROWTH_KIB
        async with asyncio.timeout(served.TIMEOUT_S):
            while b"event: end" not in await slow[0].read(256 * 1024):
                pass


async def test_reader_that_stands_still_holds_a_stopping_gateway_no_longer_than_any_request(
    product: Product, client: httpx.AsyncClient, worker: HandWorker
) -> None:
    url = await product.gateway(K8S_MCP_GATEWAY_DRAIN_TIMEOUT_S="1")
    job_id = await served.submitted(client)
    await worker.write(await worker.claim(job_id), *[LARGE_EVENT] * LARGE_EVENTS)
    async with AsyncExitStack() as stack:
        await connected(url, job_id, stack)
        async with asyncio.timeout(STOP_TIMEOUT_S / 2):
            await asyncio.to_thread(product.processes[-1].stop)
    assert '"gateway stopped"' in product.processes[-1].output()


async def test_slow_reader_gets_no_more_of_the_output_from_a_stopping_gateway(
    product: Product, client: httpx.AsyncClient, worker: HandWorker
) -> None:
    """It gets what is on its way. With the last event's id, another gateway sends the rest."""
    url = await product.gateway(K8S_MCP_GATEWAY_DRAIN_TIMEOUT_S="300")
    gateway = product.processes[-1]
    job_id = await served.submitted(client)
    await worker.write(await worker.claim(job_id), *[LARGE_EVENT] * LARGE_EVENTS)
    async with AsyncExitStack() as stack, asyncio.timeout(served.TIMEOUT_S):
        slow = await connected(url, job_id, stack)
        while b"event: stdout" not in await slow.readline():
            pass
        gateway.signal(signal.SIGTERM)
        await wait_until(lambda: _refuses(url))
        received = await slow.read()
    assert len(received) < LARGE_EVENTS * len(LARGE_EVENT[1])
    await wait_until(lambda: not gateway.is_running, timeout_s=STOP_TIMEOUT_S)


async def _refuses(url: str) -> bool:
    """Whether the gateway takes no more connections."""
    async with httpx.AsyncClient(base_url=url) as client:
        try:
            await client.get("/livez")
        except httpx.ConnectError:
            return True
        except httpx.TransportError:
            pass  # the gateway has taken the connection in the moment in which it stopped
    return False


async def test_thousand_followers_share_one_subscription_connection(
    client: httpx.AsyncClient, product: Product, redis: Redis, worker: HandWorker
) -> None:
    connections = await pubsub_connections(redis)
    url = await product.gateway()
    job_ids = [await served.submitted(client) for _ in range(4)]
    async with AsyncExitStack() as stack:
        for number in range(FOLLOWERS):
            await connected(url, job_ids[number % len(job_ids)], stack)

        async def all_followed() -> bool:
            return sorted(await followed(redis)) == sorted(job_ids)

        await wait_until(all_followed)
        assert await pubsub_connections(redis) == connections + 1
        async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as one_more:
            await worker.finish(job_ids[0])
            assert (await all_events(one_more, job_ids[0]))[-1].name == "end"

    async def none_followed() -> bool:
        return not await followed(redis)

    await wait_until(none_followed, timeout_s=served.TIMEOUT_S)


async def test_restart_of_redis_is_waited_for(own_valkey: Valkey, master_key: str, tmp_path: Path) -> None:
    with Product(own_valkey.url, tmp_path, entry=conftest.ENTRY, master_key=master_key) as product:
        url = await product.gateway()
        async with (
            httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as client,
            Redis.from_pool(worker_pool(own_valkey.address)) as redis,
        ):
            worker = HandWorker(redis, master_key)
            job_id = await served.submitted(client)
            claim = await worker.claim(job_id)
            first, second = worker.events(claim, [(OUT, b"before\n"), (OUT, b"after\n")])
            await worker.store.append(claim.attempt, [first])
            async with following(client, job_id) as events:
                seen = [await anext(events), await anext(events)]
                own_valkey.kill()
                own_valkey.start()
                await worker.store.append(claim.attempt, [second])
                seen.append(await anext(events))
                await worker.settle(claim)
                seen += [event async for event in events]

    assert [event.name for event in seen] == ["state", "stdout", "stdout", "state", "end"]
    assert texts(seen) == "before\nafter\n"


@pytest.mark.parametrize("data", [bytes(range(256)), b"\xff\xfe\x00" * 100], ids=["every byte", "no text"])
async def test_binary_output_is_streamed_as_text_and_paged_as_it_is(
    client: httpx.AsyncClient, worker: HandWorker, data: bytes
) -> None:
    job_id = await served.submitted(client)
    claim = await worker.claim(job_id)
    await worker.write(claim, (OUT, data))
    await worker.settle(claim)

    text = texts(await all_events(client, job_id))
    assert "\N{REPLACEMENT CHARACTER}" in text
    assert "\x1b" not in text
    assert (await client.get(f"/jobs/{job_id}/output")).content == data
