"""How many jobs of one caller may be queued and run at a time."""

from collections.abc import AsyncIterator

import httpx
import pytest
from redis.asyncio import Redis

from shared.store import key_names
from tests.integration.gateway import served
from tests.support.hand_worker import HandWorker
from tests.support.product import Product

LIMIT = 2
REFUSALS = 'mcp_k8s_refusals_total{code="too-many-jobs"}'


@pytest.fixture
async def limited(product: Product) -> AsyncIterator[httpx.AsyncClient]:
    url = await product.gateway(K8S_MCP_PRINCIPAL_JOB_LIMIT=str(LIMIT))
    async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as client:
        yield client


async def submit(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await client.post("/jobs", json={"tool": "kubectl", "command": served.LOCAL_COMMAND}, headers=headers)


async def test_one_job_more_than_allowed_is_refused_and_counted(limited: httpx.AsyncClient, worker: HandWorker) -> None:
    queued = [(await submit(limited)).json()["id"] for _ in range(LIMIT)]
    await worker.claim(queued[0])

    answer = await submit(limited)

    assert (answer.status_code, served.code(answer)) == (429, "too-many-jobs")
    assert int(answer.headers["Retry-After"]) > 0
    assert f"{REFUSALS} 1.0" in (await limited.get("/metrics")).text


async def test_place_is_free_when_a_job_has_ended(limited: httpx.AsyncClient, worker: HandWorker, redis: Redis) -> None:
    first, second = [(await submit(limited)).json()["id"] for _ in range(LIMIT)]
    await worker.finish(first)
    await limited.delete(f"/jobs/{second}")

    assert [(await submit(limited)).status_code for _ in range(LIMIT)] == [202, 202]
    [name] = [name async for name in redis.scan_iter(f"{key_names.PRINCIPAL}*")]
    assert await redis.ttl(name) > 0


async def test_repeated_request_takes_no_place(limited: httpx.AsyncClient) -> None:
    answers = [await submit(limited, **{"Idempotency-Key": "one"}) for _ in range(LIMIT + 1)]

    assert {answer.status_code for answer in answers} == {202}


async def test_without_a_limit_nobody_is_counted(client: httpx.AsyncClient, redis: Redis) -> None:
    await served.submitted(client)

    assert not [name async for name in redis.scan_iter(f"{key_names.PRINCIPAL}*")]
