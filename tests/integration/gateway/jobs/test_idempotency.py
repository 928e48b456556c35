"""A request that is sent again with its key is the job that it was the first time."""

import asyncio
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from tests.integration.gateway import served
from tests.support import kubeconfigs
from tests.support.hand_worker import HandWorker
from tests.support.product import Product
from tests.support.waiting import wait_until

KEY = {"Idempotency-Key": "install-web-1"}
BODY = {"tool": "kubectl", "command": served.LOCAL_COMMAND}


async def post(client: httpx.AsyncClient, headers: dict[str, str] = KEY, **changes: Any) -> httpx.Response:
    return await client.post("/jobs", json={**BODY, **changes}, headers=headers)


async def test_same_key_and_request_are_one_job(client: httpx.AsyncClient, redis: Redis) -> None:
    answers = await asyncio.gather(*(post(client) for _ in range(10)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await served.queued(redis)) == 1


async def test_other_key_is_another_job(client: httpx.AsyncClient, redis: Redis) -> None:
    first, second = await post(client), await post(client, {"Idempotency-Key": "install-web-2"})

    assert first.json()["id"] != second.json()["id"]
    assert len(await served.queued(redis)) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"command": "version --client --output=yaml"},
        {"stdin": "other"},
        {"timeout": 7},
        {"kubeconfig": kubeconfigs.text()},
        {"tool": "helm", "command": "version"},
    ],
)
async def test_same_key_with_another_request_is_refused(
    client: httpx.AsyncClient, redis: Redis, changes: dict[str, Any]
) -> None:
    await post(client)
    answer = await post(client, **changes)

    assert (answer.status_code, served.code(answer)) == (422, "idempotency-conflict")
    assert len(await served.queued(redis)) == 1


async def test_repeated_call_gets_the_result_of_the_first(client: httpx.AsyncClient, worker: HandWorker) -> None:
    await worker.announce()
    job_id = (await post(client)).json()["id"]
    await worker.finish(job_id, output="once")

    waited = await client.post("/tools/kubectl", json={"command": served.LOCAL_COMMAND}, headers=KEY)
    polled = await post(client)

    assert (waited.json()["job_id"], waited.json()["output"]) == (job_id, "once")
    assert (polled.json()["state"], polled.json()["response"]["output"]) == ("succeeded", "once")


async def test_any_gateway_knows_the_job(client: httpx.AsyncClient, product: Product) -> None:
    url = await product.gateway()
    async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as other:
        assert (await post(client)).json()["id"] == (await post(other)).json()["id"]


@pytest.mark.parametrize("is_repeated", [False, True])
async def test_who_leaves_a_call_with_a_key_finds_its_job_again(
    client: httpx.AsyncClient, redis: Redis, worker: HandWorker, *, is_repeated: bool
) -> None:
    await worker.announce()
    if is_repeated:
        await post(client)
    call = asyncio.create_task(client.post("/tools/kubectl", json={"command": served.LOCAL_COMMAND}, headers=KEY))
    await wait_until(lambda: served.waiting(client))
    [job_id] = await served.queued(redis)
    call.cancel()
    await asyncio.wait({call})
    await wait_until(lambda: _nobody_waits(client))

    again = (await post(client)).json()

    assert (again["id"], again["state"]) == (job_id, "queued")


@pytest.mark.parametrize("key", ["", "with blank", "x" * 256])
async def test_key_that_is_none_is_refused(client: httpx.AsyncClient, redis: Redis, key: str) -> None:
    answer = await post(client, {"Idempotency-Key": key})

    assert (answer.status_code, served.code(answer)) == (400, "idempotency-key-invalid")
    assert await served.is_untouched(redis)


async def _nobody_waits(client: httpx.AsyncClient) -> bool:
    return not await served.waiting(client)
