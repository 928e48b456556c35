"""The network between one worker and Redis is cut, while Redis and everybody else go on."""

from collections.abc import AsyncIterator, Callable

import pytest

from shared.models import JobState
from tests.integration.faults.scene import SETTLE_TIMEOUT_S, Scene, assert_lost
from tests.support.cut import Network, network
from tests.support.product import Process
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

SLOW = pytest.mark.timeout(300)


@pytest.fixture
async def between(own_valkey: Valkey) -> AsyncIterator[Network]:
    async with network(own_valkey.socket) as between:
        yield between


async def far_worker(scene: Scene, between: Network) -> Process:
    """A worker that reaches Redis through the network."""
    return await scene.product.worker(K8S_MCP_REDIS_URL=between.url)


@SLOW
@pytest.mark.parametrize("cut", [Network.stall, Network.drop], ids=["silent", "dropped"])
async def test_write_behind_a_cut_network_is_lost_ran_once_and_is_ended(
    scene: Scene, between: Network, mark: str, cut: Callable[[Network], None]
) -> None:
    await far_worker(scene, between)
    job_id = await scene.holding("write", mark)

    cut(between)
    lost = await scene.ended(job_id)
    await scene.product.worker()
    near = await scene.run("write", f"{mark}-near")
    between.resume()
    await scene.counting.gone(mark, timeout_s=SETTLE_TIMEOUT_S)

    assert_lost(lost)
    assert near.success, "another worker serves meanwhile"
    assert await scene.ended(job_id) == lost
    assert scene.counts(mark) == (1, 0)


@SLOW
async def test_result_that_comes_after_the_lease_is_not_written(scene: Scene, between: Network, mark: str) -> None:
    worker = await far_worker(scene, between)
    job_id = await scene.holding("write", mark)

    between.drop()
    scene.counting.release(mark)
    await scene.counting.gone(mark)
    lost = await scene.ended(job_id)
    between.resume()
    await wait_until(lambda: '"lease lost"' in worker.output() or '"settled": false' in worker.output(), timeout_s=60)

    assert_lost(lost)
    assert await scene.ended(job_id) == lost
    assert scene.counts(mark) == (1, 1)


@SLOW
@pytest.mark.parametrize("cut", [Network.stall, Network.drop], ids=["silent", "dropped"])
async def test_cut_that_is_shorter_than_the_lease_harms_nothing(
    scene: Scene, between: Network, mark: str, cut: Callable[[Network], None]
) -> None:
    worker = await far_worker(scene, between)
    job_id = await scene.holding("write", mark)
    failed_before = worker.output().count('"level": "warning"')

    cut(between)
    scene.counting.release(mark)
    await scene.counting.gone(mark)
    if cut is Network.drop:
        await wait_until(lambda: worker.output().count('"level": "warning"') > failed_before)
    between.resume()
    response = await scene.ended(job_id)

    assert (response.state, response.output) == (JobState.SUCCEEDED, "started\nended\n")
    assert scene.counts(mark) == (1, 1)


@SLOW
async def test_worker_serves_again_after_the_cut(scene: Scene, between: Network, mark: str) -> None:
    worker = await far_worker(scene, between)

    between.drop()
    job_id = await scene.submit("write", mark)
    await wait_until(lambda: '"sweep failed"' in worker.output(), timeout_s=60)
    before = (await scene.caller.job(job_id)).state
    between.resume()

    assert before is JobState.QUEUED
    assert (await scene.ended(job_id)).state is JobState.SUCCEEDED
    assert scene.counts(mark) == (1, 1)
