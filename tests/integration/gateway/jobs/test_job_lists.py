"""`GET /jobs` and `list_jobs`: one's own jobs, newest first, and nobody's where callers cannot be told apart."""

from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from shared.store import key_names
from tests.integration.gateway import served
from tests.integration.gateway.mcp import mcp_caller
from tests.integration.gateway.served import Served
from tests.support.hand_worker import HandWorker
from tests.support.product import Product


async def listed(client: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get("/jobs", params=query)
    assert answer.status_code == httpx.codes.OK, answer.text
    return [job["id"] for job in answer.json()["jobs"]]


async def in_order(client: httpx.AsyncClient, redis: Redis, count: int) -> list[str]:
    """Jobs of different moments, oldest first."""
    job_ids = [await served.submitted(client) for _ in range(count)]
    await redis.zadd(key_names.JOBS + "anonymous", {job_id: place for place, job_id in enumerate(job_ids, 1)})
    return job_ids


async def test_own_jobs_are_listed_newest_first_without_what_they_gave(
    client: httpx.AsyncClient, redis: Redis, worker: HandWorker
) -> None:
    first, second = await in_order(client, redis, 2)
    await worker.finish(first, output="canary-output")

    answer = await client.get("/jobs")

    assert [(job["id"], job["state"]) for job in answer.json()["jobs"]] == [(second, "queued"), (first, "succeeded")]
    assert answer.json()["next_cursor"] is None
    job = (await client.get(f"/jobs/{first}")).json()
    assert answer.json()["jobs"][1] == {
        name: value for name, value in job.items() if name not in ("progress", "response")
    }
    assert "canary-output" not in answer.text


async def test_pages_together_are_the_list(client: httpx.AsyncClient, redis: Redis) -> None:
    job_ids = await in_order(client, redis, 5)
    seen, query = [], {"limit": "2"}
    while True:
        page = (await client.get("/jobs", params=query)).json()
        assert len(page["jobs"]) <= 2
        seen += [job["id"] for job in page["jobs"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == job_ids[::-1]


async def test_list_is_narrowed_by_state_and_tool(client: httpx.AsyncClient, redis: Redis, worker: HandWorker) -> None:
    first, second, third = await in_order(client, redis, 3)
    await worker.finish(second)
    assert await listed(client, state="queued") == [third, first]
    assert await listed(client, state="succeeded", tool="kubectl") == [second]
    assert await listed(client, tool="helm") == []


async def test_job_of_somebody_else_is_not_listed_even_where_it_stands_in_the_index(
    client: httpx.AsyncClient, redis: Redis
) -> None:
    theirs = await served.submitted(client)
    await served.change_record(redis, theirs, principal="somebody-else")
    assert await listed(client) == []


async def test_job_whose_record_is_gone_is_not_listed(client: httpx.AsyncClient, redis: Redis) -> None:
    await redis.delete(key_names.JOB + await served.submitted(client))
    assert await listed(client) == []


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"state": "done"}, 422, "request-invalid"),
        ({"tool": "canary"}, 404, "tool-unknown"),
        ({"limit": "0"}, 422, "request-invalid"),
        ({"limit": "101"}, 422, "request-invalid"),
        ({"cursor": "canary"}, 422, "request-invalid"),
        ({"cursor": f"1-{'x' * 48}"}, 422, "request-invalid"),
        ({"cursor": "9" * 90}, 422, "request-invalid"),
    ],
)
async def test_query_that_is_none_is_refused(
    client: httpx.AsyncClient, query: dict[str, str], status: int, code: str
) -> None:
    answer = await client.get("/jobs", params=query)
    assert (answer.status_code, served.code(answer)) == (status, code)
    assert "canary" not in answer.text


async def test_nothing_is_listed_to_anonymous_callers_whom_others_may_be(product: Product, redis: Redis) -> None:
    url = await product.gateway(K8S_MCP_ALLOW_ANONYMOUS="true")
    async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as client:
        job_id = await served.submitted(client)
        answer = await client.get("/jobs")
        assert (answer.status_code, served.code(answer)) == (403, "listing-off")
        assert "does not authenticate callers" in answer.json()["detail"]
        assert (await client.get(f"/jobs/{job_id}")).status_code == httpx.codes.OK
    async with mcp_caller.connected(url, mcp_caller.MODERN) as mcp:
        assert "list_jobs" not in [tool.name for tool in (await mcp.list_tools()).tools]
        assert mcp_caller.code(await mcp_caller.called(mcp, "list_jobs", {})) == "listing-off"


async def test_model_reads_the_same_list_without_addresses(
    gateway: Served, client: httpx.AsyncClient, redis: Redis
) -> None:
    job_ids = await in_order(client, redis, 3)
    async with mcp_caller.connected(gateway.url, mcp_caller.MODERN) as mcp:
        result = await mcp_caller.called(mcp, "list_jobs", {"limit": 2, "state": "queued"})
        page = mcp_caller.text(result)
        rest = mcp_caller.text(await mcp_caller.called(mcp, "list_jobs", {"cursor": page["next_cursor"]}))
        unknown = await mcp_caller.called(mcp, "list_jobs", {"state": "done"})
    assert result.structured_content == page
    assert [job["id"] for job in page["jobs"] + rest["jobs"]] == job_ids[::-1]
    assert "links" not in page["jobs"][0]
    assert mcp_caller.code(unknown) == "request-invalid"
