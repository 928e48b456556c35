"""Redis away, or standing still: each call is told so soon, nothing is queued behind its caller's back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from tests.integration.gateway import served
from tests.support.product import Product
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

BODY = {"command": served.LOCAL_COMMAND}
JOB = f"/jobs/{'0' * 48}"
CALLS: list[tuple[str, str, dict[str, str]]] = [
    ("POST", "/tools/kubectl", {}),
    ("POST", "/tools/kubectl", {"Prefer": "wait=60"}),
    ("POST", "/tools/kubectl", served.ASYNC),
    ("POST", "/jobs", {}),
    ("GET", JOB, {}),
    ("GET", f"{JOB}?wait=60", {}),
    ("DELETE", JOB, {}),
    ("GET", "/tools/status", {}),
    ("GET", "/readyz", {}),
]
OUTAGES = [pytest.param(Valkey.kill, id="gone"), pytest.param(Valkey.pause, id="standing still")]
Outage = Callable[[Valkey], None]


@pytest.fixture
def fragile(own_valkey: Valkey, tmp_path: Path, master_key: str) -> Iterator[Product]:
    with Product(own_valkey.url, tmp_path, entry="gateway.main", master_key=master_key) as product:
        yield product


@asynccontextmanager
async def caller(product: Product) -> AsyncIterator[httpx.AsyncClient]:
    url = await product.gateway()
    async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as client:
        yield client


async def all_calls(client: httpx.AsyncClient) -> list[httpx.Response]:
    calls = []
    for method, path, headers in CALLS:
        body = {"tool": "kubectl", **BODY} if path == "/jobs" else BODY
        calls.append(client.request(method, path, json=body, headers=headers))
    return await asyncio.gather(*calls)


@pytest.mark.parametrize("outage", OUTAGES)
async def test_every_call_is_503_and_alive_is_alive(fragile: Product, own_valkey: Valkey, outage: Outage) -> None:
    async with caller(fragile) as client:
        await served.submitted(client)
        outage(own_valkey)
        for answer in await all_calls(client):
            assert (answer.status_code, served.code(answer)) == (503, "store-unavailable"), answer.request.url
            assert int(answer.headers["Retry-After"]) > 0
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/metrics")).status_code == 200


async def test_nothing_is_queued_while_redis_is_gone(fragile: Product, own_valkey: Valkey) -> None:
    async with caller(fragile) as client:
        own_valkey.kill()
        await all_calls(client)
        own_valkey.start()
        await wait_until(lambda: _is_ready(client))
    async with Redis.from_url(own_valkey.url) as redis:
        assert await served.is_untouched(redis)


async def test_what_a_paused_redis_may_have_taken_has_the_id_of_its_answer(
    fragile: Product, own_valkey: Valkey
) -> None:
    """The bytes lie in its socket already: whether it acts on them nobody can know, so the caller gets the id."""
    async with caller(fragile) as client:
        await served.submitted(client)
        own_valkey.pause()
        answers = [
            await client.post("/jobs", json={"tool": "kubectl", **BODY}),
            await client.post("/tools/kubectl", json=BODY, headers=served.ASYNC),
        ]
        told = {answer.json()["job_id"] for answer in answers}
        own_valkey.resume()
        await wait_until(lambda: _is_ready(client))
        async with Redis.from_url(own_valkey.url) as redis:
            before, *taken = sorted(await served.jobs(redis), key=lambda job_id: job_id in told)
        assert before not in told
        assert set(taken) <= told
        assert {(await client.get(f"/jobs/{job_id}")).status_code for job_id in taken} <= {200}


@pytest.mark.parametrize("outage", OUTAGES)
async def test_gateway_serves_again_when_redis_is_back(fragile: Product, own_valkey: Valkey, outage: Outage) -> None:
    async with caller(fragile) as client:
        job_id = await served.submitted(client)
        outage(own_valkey)
        assert (await client.get("/readyz")).status_code == 503
        (own_valkey.resume if outage is Valkey.pause else own_valkey.start)()
        await wait_until(lambda: _is_ready(client))
        assert (await client.get(f"/jobs/{job_id}")).json()["state"] == "queued"
        assert (await client.get(f"/jobs/{await served.submitted(client)}")).json()["state"] == "queued"


async def test_gateway_starts_without_redis(fragile: Product, own_valkey: Valkey) -> None:
    own_valkey.kill()
    async with caller(fragile) as client:
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        own_valkey.start()
        await wait_until(lambda: _is_ready(client))
        assert await served.submitted(client)


@pytest.mark.parametrize("outage", OUTAGES)
async def test_long_poll_goes_on_through_an_outage(fragile: Product, own_valkey: Valkey, outage: Outage) -> None:
    async with caller(fragile) as client:
        job_id = await served.submitted(client)
        asked = asyncio.create_task(client.get(f"/jobs/{job_id}?wait=60"))
        await wait_until(lambda: served.waiting(client))
        outage(own_valkey)
        assert (await client.get("/readyz")).status_code == 503
        (own_valkey.resume if outage is Valkey.pause else own_valkey.start)()
        await wait_until(lambda: _is_ready(client))
        await client.delete(f"/jobs/{job_id}")
        assert (await asked).json()["state"] == "cancelled"


async def _is_ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == 200
