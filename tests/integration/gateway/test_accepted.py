"""Once Redis has taken a job its caller is told so, whatever Redis does next: told to try again, he runs it twice."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from tests.integration.gateway import served
from tests.integration.gateway.mcp import mcp_caller
from tests.integration.gateway.mcp.mcp_caller import MODES
from tests.support.hand_worker import HandWorker
from tests.support.product import Product
from tests.support.valkey import Valkey

BODY = {"command": served.WRITE_COMMAND}


@pytest.fixture
async def redis(own_valkey: Valkey, master_key: str) -> AsyncIterator[Redis]:
    """It takes jobs and shows none: as if it went away each time between the two. A worker seems to live."""
    async with Redis.from_url(own_valkey.url) as client:
        await HandWorker(client, master_key).announce()
        await client.acl_setuser("default", enabled=True, commands=["-hgetall"])
        yield client


@pytest.fixture
async def url(redis: Redis, own_valkey: Valkey, tmp_path: Path, master_key: str) -> AsyncIterator[str]:
    assert await redis.ping()
    with Product(own_valkey.url, tmp_path, entry="gateway.main", master_key=master_key) as product:
        yield await product.gateway(K8S_MCP_MCP_WAIT="0.1")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/jobs", {}),
        ("/tools/kubectl", served.ASYNC),
        ("/tools/kubectl", {"Prefer": "wait=0"}),
        ("/tools/kubectl", {"Prefer": "wait=0.05"}),
    ],
)
async def test_accepted_job_is_202_though_it_cannot_be_read(
    url: str, redis: Redis, path: str, headers: dict[str, str]
) -> None:
    body = {"tool": "kubectl", **BODY} if path == "/jobs" else BODY
    async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as client:
        answer = await client.post(path, json=body, headers={**served.kubeconfig_header(), **headers})
        assert answer.status_code == 202, answer.text
        assert await served.jobs(redis) == [answer.json()["id"]]
        await redis.acl_setuser("default", enabled=True, commands=["+hgetall"])
        assert (await client.get(answer.headers["Location"])).json() == answer.json()


@pytest.mark.parametrize("mode", MODES)
async def test_mcp_call_hands_its_job_over_though_it_cannot_be_read(url: str, redis: Redis, mode: str) -> None:
    async with mcp_caller.connected(url, mode, served.kubeconfig_header()) as mcp:
        result = await mcp_caller.called(mcp, "kubectl", BODY)
    assert not result.is_error
    told = mcp_caller.text(result)
    assert [told["job_id"]] == await served.jobs(redis)
    assert told["state"] == "queued"
    assert "Do not send the command again" in told["hint"]


async def test_known_job_that_cannot_be_read_is_to_be_asked_for_not_sent_again(url: str, redis: Redis) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as client:
        job_id = await served.submitted(client)
        answer = await client.get(f"/jobs/{job_id}")
    assert (answer.status_code, served.code(answer)) == (503, "store-unavailable")
    assert answer.json()["job_id"] == job_id
    assert "Do not send its command again" in answer.json()["detail"]
