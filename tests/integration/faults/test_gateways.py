"""A gateway dies while its clients wait: the job goes on, and is found again by its id at any other."""

import asyncio

import httpx
import pytest

from shared.models import JobState
from tests.integration.end_to_end.system import running_jobs
from tests.integration.faults.scene import Scene
from tests.support.caller import caller_of
from tests.support.product import START_TIMEOUT_S, is_serving
from tests.support.waiting import wait_until


@pytest.mark.parametrize("verb", ["read", "write"])
async def test_client_of_a_killed_gateway_finds_its_job_again_at_another(scene: Scene, mark: str, verb: str) -> None:
    await scene.product.worker()
    url, gateway = scene.product.start_gateway()
    await wait_until(lambda: is_serving(url, gateway), timeout_s=START_TIMEOUT_S)
    async with caller_of(url, scene.counting.kubeconfig) as caller:
        job_id = await caller.submit("stub", scene.counting.command(verb, mark, "hold"))
        await scene.counting.started(mark)
        waiting = asyncio.ensure_future(caller.ended(job_id))
        await wait_until(lambda: _is_waiting(caller.http))

        gateway.kill()
        with pytest.raises(httpx.TransportError):
            await waiting

    attached = asyncio.ensure_future(scene.ended(job_id))
    await wait_until(lambda: _is_waiting(scene.caller.http))
    scene.counting.release(mark)

    assert (await attached).state is JobState.SUCCEEDED
    assert scene.counts(mark) == (1, 1)


async def test_call_whose_gateway_is_killed_runs_once_and_to_its_end(scene: Scene, mark: str) -> None:
    """Its id was not handed out yet: a killed gateway cannot give up what its clients waited for."""
    await scene.product.worker()
    url, gateway = scene.product.start_gateway()
    await wait_until(lambda: is_serving(url, gateway), timeout_s=START_TIMEOUT_S)
    async with caller_of(url, scene.counting.kubeconfig) as caller:
        waiting = asyncio.ensure_future(caller.run("stub", scene.counting.command("write", mark, "hold")))
        await scene.counting.started(mark)
        [job_id] = await running_jobs(scene.redis)

        gateway.kill()
        with pytest.raises(httpx.TransportError):
            await waiting
    scene.counting.release(mark)

    assert (await scene.ended(job_id)).state is JobState.SUCCEEDED
    assert scene.counts(mark) == (1, 1)


async def _is_waiting(http: httpx.AsyncClient) -> bool:
    return "mcp_k8s_waiting_requests 1.0" in (await http.get("/metrics")).text
