"""Redis goes away, or comes late."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from shared.models import JobState
from tests.integration.end_to_end.system import needs_proc, processes_with
from tests.support.api_server import ApiServer
from tests.support.caller import Caller, caller_of
from tests.support.product import START_TIMEOUT_S, Product, is_serving
from tests.support.valkey import SURVIVES_KILL, Valkey
from tests.support.waiting import wait_until

HURRIED_S = 30.0
"""A worker tries for 10 s to write the outcomes of what it has ended."""


@pytest.fixture
async def product(own_valkey: Valkey, tmp_path: Path) -> AsyncIterator[Product]:
    with Product(own_valkey.url, tmp_path) as product:
        yield product


@needs_proc
async def test_result_is_written_after_a_restart_of_redis(
    own_valkey: Valkey, product: Product, api_server: ApiServer
) -> None:
    url, gateway = product.start_gateway()
    await product.worker()
    await wait_until(lambda: is_serving(url, gateway), timeout_s=START_TIMEOUT_S)
    stall = api_server.stall()
    async with caller_of(url, api_server.kubeconfig()) as caller:
        job_id = await caller.submit("kubectl", f"get --raw {stall.stream_path}")
        await stall.reached()

        own_valkey.kill()
        await stall.release()
        await wait_until(lambda: not processes_with(stall.stream_path))
        during = await caller.http.get(f"/jobs/{job_id}")
        own_valkey.start()
        await _serves_again(caller)
        response = await caller.ended(job_id)
        ran_after = await caller.output("stub", "read ok")

    assert during.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert "Retry-After" in during.headers
    assert (response.state, response.output) == (JobState.SUCCEEDED, "before\nafter\n")
    assert ran_after == "ok\n"


async def test_caller_that_waits_gets_its_answer_through_a_restart_of_redis(
    own_valkey: Valkey, product: Product, api_server: ApiServer
) -> None:
    url, gateway = product.start_gateway()
    await product.worker()
    await wait_until(lambda: is_serving(url, gateway), timeout_s=START_TIMEOUT_S)
    stall = api_server.stall()
    async with caller_of(url, api_server.kubeconfig()) as caller:
        answer = asyncio.ensure_future(caller.output("kubectl", f"get --raw {stall.stream_path}"))
        await stall.reached()

        own_valkey.restart()
        await stall.release()

        assert await answer == "before\nafter\n"


@needs_proc
async def test_worker_that_is_hurried_out_without_redis_says_what_it_leaves(
    own_valkey: Valkey, product: Product, api_server: ApiServer, name: str
) -> None:
    url = await product.gateway()
    worker = await product.worker(K8S_MCP_KILL_GRACE_S="0.2")
    async with caller_of(url, api_server.kubeconfig()) as caller:
        for verb in ("read", "write"):
            await caller.running("stub", f"{verb} hang {name}")
    own_valkey.kill()
    worker.signal(signal.SIGTERM)
    await wait_until(lambda: '"draining"' in worker.output())
    worker.signal(signal.SIGTERM)

    await wait_until(lambda: not worker.is_running, timeout_s=HURRIED_S)
    assert worker.stop() == 0
    assert "running jobs left for other processes to settle" in worker.output()
    assert '"level": "error"' not in worker.output()
    assert not processes_with(name)


async def test_worker_and_gateway_may_start_before_redis(tmp_path: Path, api_server: ApiServer) -> None:
    with Valkey(SURVIVES_KILL) as valkey, Product(valkey.url, tmp_path) as product:
        valkey.kill()
        url, gateway = product.start_gateway()
        worker = product.start("worker")
        await wait_until(lambda: '"worker started"' in worker.output(), timeout_s=START_TIMEOUT_S)
        await wait_until(lambda: is_serving(url, gateway), timeout_s=START_TIMEOUT_S)
        async with caller_of(url, api_server.kubeconfig()) as caller:
            early = await caller.post("stub", "read ok")
            valkey.start()
            await wait_until(lambda: '"worker announced"' in worker.output(), timeout_s=60)
            await _serves_again(caller)

            assert early.status_code == httpx.codes.SERVICE_UNAVAILABLE
            assert json.loads(await caller.output("stub", "read environment"))


async def _serves_again(caller: Caller) -> None:
    async def is_ready() -> bool:
        return (await caller.http.get("/readyz")).status_code == httpx.codes.OK

    await wait_until(is_ready, timeout_s=60)
