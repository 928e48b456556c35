"""After SIGTERM, waiting callers learn at once where the result will be, and jobs go on without this gateway."""

import asyncio
import signal

import httpx
import pytest
from redis.asyncio import Redis

from tests.integration.gateway import served
from tests.support.hand_worker import HandWorker
from tests.support.product import Process, Product
from tests.support.waiting import wait_until

LONG_DRAIN_S = "300"
"""Longer than a test may take, so that a caller who is not released at once makes the test fail."""
END_TIMEOUT_S = 60.0


async def start(product: Product) -> tuple[httpx.AsyncClient, Process]:
    url = await product.gateway(K8S_MCP_GATEWAY_DRAIN_TIMEOUT_S=LONG_DRAIN_S)
    return httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S), product.processes[-1]


async def begin(client: httpx.AsyncClient, redis: Redis, count: int) -> list[asyncio.Task[httpx.Response]]:
    """Calls that wait for jobs in the queue."""
    body = {"command": served.LOCAL_COMMAND}
    calls = [asyncio.create_task(client.post("/tools/kubectl", json=body)) for _ in range(count)]
    await wait_until(lambda: _are_queued(redis, count))
    return calls


async def _are_queued(redis: Redis, count: int) -> bool:
    return len(await served.queued(redis)) == count


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_waiting_callers_get_the_id_of_a_job_that_goes_on(
    product: Product, redis: Redis, worker: HandWorker, number: signal.Signals
) -> None:
    await worker.announce()
    client, process = await start(product)
    async with client:
        calls = await begin(client, redis, 3)
        job_ids = await served.queued(redis)
        process.signal(number)
        answers = await asyncio.gather(*calls)
    for answer in answers:
        assert (answer.status_code, served.code(answer)) == (503, "shutting-down")
        assert int(answer.headers["Retry-After"]) > 0
    assert sorted(answer.json()["job_id"] for answer in answers) == sorted(job_ids)
    await wait_until(lambda: not process.is_running, timeout_s=END_TIMEOUT_S)
    assert sorted(await served.queued(redis)) == sorted(job_ids)
    other, _ = await start(product)
    async with other:
        await worker.finish(job_ids[0], output="pods")
        assert (await other.get(f"/jobs/{job_ids[0]}")).json()["response"]["output"] == "pods"


async def test_running_job_goes_on(product: Product, redis: Redis, worker: HandWorker) -> None:
    await worker.announce()
    client, process = await start(product)
    async with client:
        [call] = await begin(client, redis, 1)
        [job_id] = await served.queued(redis)
        claim = await worker.claim(job_id)
        process.signal(signal.SIGTERM)
        assert (await call).json()["job_id"] == job_id
    await wait_until(lambda: not process.is_running, timeout_s=END_TIMEOUT_S)
    assert await served.in_record(redis, job_id, "cancel") is None
    await worker.settle(claim)


async def test_long_poll_answers_with_the_job_as_it_stands(product: Product) -> None:
    client, process = await start(product)
    async with client:
        job_id = await served.submitted(client)
        asked = asyncio.create_task(client.get(f"/jobs/{job_id}?wait=60"))
        await wait_until(lambda: served.waiting(client))
        process.signal(signal.SIGTERM)
        answer = await asked
    assert (answer.status_code, answer.json()["state"]) == (200, "queued")
    await wait_until(lambda: not process.is_running, timeout_s=END_TIMEOUT_S)


async def test_gateway_without_requests_ends_and_says_so(product: Product) -> None:
    client, process = await start(product)
    await client.aclose()
    process.signal(signal.SIGTERM)
    await wait_until(lambda: not process.is_running, timeout_s=END_TIMEOUT_S)
    assert '"gateway stopped"' in process.output()
    assert "Traceback" not in process.output()


async def test_gateway_ends_although_redis_stands_still(product: Product, redis: Redis) -> None:
    """`redis` is the session's; what stands still is the connection of this gateway: a port where nobody answers."""
    taken: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: taken.append(writer), "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        product.redis_url = f"redis://127.0.0.1:{port}"
        client, process = await start(product)
        await client.aclose()
        process.signal(signal.SIGTERM)
        await wait_until(lambda: not process.is_running, timeout_s=END_TIMEOUT_S)
    finally:
        server.close()
        for writer in taken:
            writer.close()
            await writer.wait_closed()
