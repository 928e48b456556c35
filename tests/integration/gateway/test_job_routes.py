"""`/jobs/{id}`: looking, waiting, cancelling, and whatever else may stand where an id should."""

import asyncio

import httpx
import pytest
from redis.asyncio import Redis

from shared.models import Lane
from shared.store import key_names
from tests.integration.gateway import served
from tests.support.hand_worker import HandWorker
from tests.support.waiting import wait_until

UNKNOWN = "0123456789abcdef" * 2
STRANGE_IDS = [
    pytest.param("x", id="short"),
    pytest.param("0" * 31, id="one digit too few"),
    pytest.param("0" * 33, id="one digit too many"),
    pytest.param("A" * 48, id="upper case"),
    pytest.param("g" * 48, id="no digits"),
    pytest.param("*" * 32, id="pattern"),
    pytest.param("%00" * 32, id="NUL"),
    pytest.param("..%2f..%2fqueued", id="path"),
    pytest.param("%E2%82%AC" * 32, id="not ASCII"),
    pytest.param("%D9%A0" * 32, id="digits of another script"),
    pytest.param("0" * 48 + "%0a", id="line break after it"),
    pytest.param("x" * 20_000, id="very long"),
]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("job_id", [*STRANGE_IDS, pytest.param(UNKNOWN, id="unknown")])
async def test_id_that_is_no_jobs_is_404(client: httpx.AsyncClient, method: str, job_id: str) -> None:
    answer = await client.request(method, f"/jobs/{job_id}")
    assert answer.status_code == 404
    assert served.code(answer) in ("job-unknown", "not-found")
    assert job_id not in answer.text


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_job_of_somebody_else_looks_like_one_that_is_not_there(
    client: httpx.AsyncClient, redis: Redis, method: str
) -> None:
    theirs = await served.submitted(client)
    await served.change_record(redis, theirs, principal="somebody-else")
    answer = await client.request(method, f"/jobs/{theirs}")
    unknown = await client.request(method, f"/jobs/{UNKNOWN}")
    assert (answer.status_code, answer.json()) == (unknown.status_code, unknown.json())
    assert await served.in_record(redis, theirs, "state") == b"queued"


@pytest.mark.parametrize("wait", ["-1", "nan", "inf", "-inf", "soon", "1e400", "", "0x10"])
async def test_wait_that_is_no_time_is_a_schema_error(client: httpx.AsyncClient, wait: str) -> None:
    job_id = await served.submitted(client)
    answer = await client.get(f"/jobs/{job_id}", params={"wait": wait})
    assert (answer.status_code, served.code(answer)) == (422, "request-invalid")
    assert [error["field"] for error in answer.json()["errors"]] == ["wait"]


async def test_wait_of_a_finished_job_is_no_wait(client: httpx.AsyncClient, worker: HandWorker) -> None:
    job_id = await served.submitted(client)
    await worker.finish(job_id)
    assert (await client.get(f"/jobs/{job_id}?wait=1e9")).json()["state"] == "succeeded"


async def test_wait_ends_with_the_job(client: httpx.AsyncClient, worker: HandWorker) -> None:
    job_id = await served.submitted(client)
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(client.get(f"/jobs/{job_id}?wait=60"))
        await wait_until(lambda: _is_waited_for(client))
        await worker.finish(job_id, output="pods")
    job = (await asked).json()
    assert (job["state"], job["response"]["output"]) == ("succeeded", "pods")
    assert job["response"]["job_id"] == job_id


async def test_wait_ends_with_its_time(client: httpx.AsyncClient) -> None:
    job_id = await served.submitted(client)
    answer = await client.get(f"/jobs/{job_id}?wait=0.05")
    assert (answer.status_code, answer.json()["state"], answer.json()["response"]) == (200, "queued", None)


async def test_wait_without_an_end_is_clamped(product_with_short_waits: httpx.AsyncClient) -> None:
    job_id = await served.submitted(product_with_short_waits)
    answer = await product_with_short_waits.get(f"/jobs/{job_id}?wait=1e9")
    assert answer.json()["state"] == "queued"


async def test_wait_of_a_call_is_clamped_too(product_with_short_waits: httpx.AsyncClient, worker: HandWorker) -> None:
    await worker.announce()
    body = {"command": served.LOCAL_COMMAND}
    answer = await product_with_short_waits.post("/tools/kubectl", json=body, headers={"Prefer": "wait=1000000000"})
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert answer.headers["Preference-Applied"] == "wait=0.1"


async def test_queued_job_is_cancelled_at_once(client: httpx.AsyncClient, redis: Redis) -> None:
    job_id = await served.submitted(client)
    answer = await client.delete(f"/jobs/{job_id}")
    job = answer.json()
    assert (answer.status_code, job["state"]) == (200, "cancelled")
    response = job["response"]
    assert (response["success"], response["exit_code"], response["error"]) == (False, -1, "cancelled by request")
    assert not await served.queued(redis)
    assert not [name async for name in redis.scan_iter(f"{key_names.QUEUE}*")]
    assert not await redis.exists(key_names.REQUEST + job_id)


async def test_cancelling_twice_changes_nothing(client: httpx.AsyncClient) -> None:
    job_id = await served.submitted(client)
    first = await client.delete(f"/jobs/{job_id}")
    second = await client.delete(f"/jobs/{job_id}")
    assert (second.status_code, second.json()) == (200, first.json())


async def test_cancelling_a_finished_job_changes_nothing(client: httpx.AsyncClient, worker: HandWorker) -> None:
    job_id = await served.submitted(client)
    await worker.finish(job_id)
    answer = await client.delete(f"/jobs/{job_id}")
    assert (answer.status_code, answer.json()["state"]) == (200, "succeeded")


async def test_cancelling_a_running_job_asks_its_worker(
    client: httpx.AsyncClient, redis: Redis, worker: HandWorker
) -> None:
    job_id = await served.submitted(client, served.WRITE_COMMAND)
    claim = await worker.claim(job_id)
    answer = await client.delete(f"/jobs/{job_id}")
    assert (answer.status_code, answer.json()["state"]) == (200, "running")
    assert await served.in_record(redis, job_id, "cancel") == b"cancelled by request"
    await worker.settle(claim)
    assert (await client.get(f"/jobs/{job_id}")).json()["state"] == "succeeded"


async def test_many_submits_have_as_many_jobs(client: httpx.AsyncClient, redis: Redis) -> None:
    body = {"tool": "kubectl", "command": served.LOCAL_COMMAND}
    answers = await asyncio.gather(*(client.post("/jobs", json=body) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {202}
    assert sorted(await served.queued(redis)) == sorted(answer.json()["id"] for answer in answers)


async def test_job_that_has_expired_says_why(client: httpx.AsyncClient, redis: Redis) -> None:
    job_id = await served.submitted(client)
    await redis.zadd(key_names.QUEUED + Lane.FAST, {job_id: 1}, xx=True)
    await wait_until(lambda: served.has_state(client, job_id, "expired"))
    response = (await client.get(f"/jobs/{job_id}")).json()["response"]
    assert response["error"] == "no worker took the job in time"


async def _is_waited_for(client: httpx.AsyncClient) -> bool:
    return await served.waiting(client) > 0
