"""A wait without a time of its own ends all the same: Redis may stay away, or what ended the job may be unseen."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from tests.integration.gateway import served
from tests.support.hand_worker import HandWorker
from tests.support.product import Product
from tests.support.valkey import Valkey

BODY = {"command": served.WRITE_COMMAND, "timeout": 0.1}


@pytest.fixture
async def redis(own_valkey: Valkey, master_key: str) -> AsyncIterator[Redis]:
    """It takes jobs, and nobody ever sees one end. A worker seems to live."""
    async with Redis.from_url(own_valkey.url) as client:
        await HandWorker(client, master_key).announce()
        await client.acl_setuser("default", enabled=True, commands=["-hgetall"])
        yield client


async def test_call_ends_with_its_id_when_its_job_must_have_ended(
    redis: Redis, own_valkey: Valkey, tmp_path: Path, master_key: str
) -> None:
    with Product(own_valkey.url, tmp_path, entry="tests.support.hasty_gateway", master_key=master_key) as product:
        url = await product.gateway(K8S_MCP_QUEUE_WAIT_S="1")
        async with httpx.AsyncClient(base_url=url, timeout=served.TIMEOUT_S) as client:
            answer = await client.post("/tools/kubectl", json=BODY, headers=served.kubeconfig_header())
    assert (answer.status_code, served.code(answer)) == (503, "store-unavailable")
    assert [answer.json()["job_id"]] == await served.jobs(redis)
    assert "Do not send its command again" in answer.json()["detail"]
