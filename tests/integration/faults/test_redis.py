"""Redis restarts, forgets, stays away or is full, while commands run whose runs are counted."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from shared.models import JobState, Lane
from shared.store import key_names
from tests.integration.faults.scene import SETTLE_TIMEOUT_S, Scene
from tests.support.counting import CountingServer
from tests.support.product import Product
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

SLOW = pytest.mark.timeout(300)


@pytest.fixture
async def forgetful(tmp_path: Path, counting: CountingServer) -> AsyncIterator[Scene]:
    """Its Redis keeps nothing through a restart."""
    with Valkey() as valkey, Product(valkey.url, tmp_path, settings={"K8S_MCP_KILL_GRACE_S": "0.5"}) as product:
        async with Redis.from_url(valkey.url) as redis:
            gateway = await product.gateway()
            async with Scene.at(gateway, product, valkey, redis=redis, counting=counting) as scene:
                yield scene


@SLOW
async def test_everything_goes_on_through_a_restart_with_an_append_only_file(scene: Scene, mark: str) -> None:
    await scene.product.worker(K8S_MCP_SLOW_SLOTS="2", K8S_MCP_FAST_SLOTS="2")
    running = {verb: await scene.holding(verb, f"{mark}-{verb}") for verb in ("read", "write")}
    second = await scene.holding("write", f"{mark}-second")
    queued = await scene.submit("write", f"{mark}-queued")
    finished = await scene.run("read", f"{mark}-finished")

    scene.valkey.restart()
    await scene.serves_again()
    for own in (*(f"{mark}-{verb}" for verb in running), f"{mark}-second"):
        scene.counting.release(own)
    states = {(await scene.ended(job_id)).state for job_id in (*running.values(), second, queued)}
    after = await scene.run("write", f"{mark}-after")

    assert states == {JobState.SUCCEEDED}
    assert after.success
    assert (await scene.caller.job(finished.job_id)).finished() == finished
    names = ("read", "write", "second", "queued", "finished", "after")
    assert {name: scene.counts(f"{mark}-{name}") for name in names} == dict.fromkeys(names, (1, 1))


@SLOW
async def test_restart_without_persistence_forgets_jobs_hangs_nobody_and_goes_on(forgetful: Scene, mark: str) -> None:
    scene = forgetful
    await scene.product.worker(K8S_MCP_SLOW_SLOTS="1")
    waiting = asyncio.ensure_future(scene.caller.post("stub", scene.counting.command("write", mark, "hold")))
    await scene.counting.started(mark)
    queued = await scene.submit("write", f"{mark}-queued")
    polling = asyncio.ensure_future(scene.caller.http.get(f"/jobs/{queued}", params={"wait": 30}))

    scene.valkey.restart()
    answers = [await waiting, await polling]
    unknown = await scene.caller.http.get(f"/jobs/{queued}")
    await scene.counting.gone(mark, timeout_s=SETTLE_TIMEOUT_S)
    await scene.serves_again()
    after = await scene.served("write", f"{mark}-after")

    assert answers[0].status_code == httpx.codes.SERVICE_UNAVAILABLE, answers[0].text
    assert answers[0].json()["job_id"]
    assert {answers[1].status_code, unknown.status_code} <= {httpx.codes.NOT_FOUND, httpx.codes.GONE}
    assert after.success
    assert scene.counts(mark) == (1, 0), "its worker ends what nobody can be told of"
    assert scene.counts(f"{mark}-queued") == (0, 0)
    assert scene.counts(f"{mark}-after") == (1, 1)


@SLOW
async def test_results_of_writes_arrive_after_redis_was_away_for_longer_than_a_lease(scene: Scene, mark: str) -> None:
    worker = await scene.product.worker()
    ends_meanwhile, goes_on = f"{mark}-ends", f"{mark}-goes-on"
    job_ids = [await scene.holding("write", own) for own in (ends_meanwhile, goes_on)]
    leases = [await scene.redis.zscore(key_names.LEASES, job_id) for job_id in job_ids]

    scene.valkey.kill()
    scene.counting.release(ends_meanwhile)
    await scene.counting.gone(ends_meanwhile)
    during = await scene.caller.http.get(f"/jobs/{job_ids[0]}")
    # More than a lease: the sweeps of the worker fail once a second while it lasts.
    await wait_until(lambda: worker.output().count('"sweep failed"') >= 9, timeout_s=60)
    scene.valkey.start()
    await wait_until(lambda: renewed(scene.redis, job_ids[1], leases[1]), timeout_s=60)
    scene.counting.release(goes_on)
    responses = [await scene.ended(job_id) for job_id in job_ids]

    assert during.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert [(response.state, response.output) for response in responses] == [
        (JobState.SUCCEEDED, "started\nended\n"),
        (JobState.SUCCEEDED, "started\nended\n"),
    ]
    assert [scene.counts(own) for own in (ends_meanwhile, goes_on)] == [(1, 1), (1, 1)]


async def renewed(redis: Redis, job_id: str, before: float | None) -> bool:
    """Whether the lease ends later than it did."""
    now = await redis.zscore(key_names.LEASES, job_id)
    return now is not None and before is not None and now > before


@SLOW
async def test_worker_that_dies_while_redis_is_away_loses_its_write_once_redis_is_back(scene: Scene, mark: str) -> None:
    worker = await scene.product.worker()
    job_id = await scene.holding("write", mark)

    scene.valkey.kill()
    worker.kill()
    await scene.counting.gone(mark)
    scene.valkey.start()
    await scene.product.worker()
    await scene.serves_again()
    response = await scene.ended(job_id)

    assert (response.state, response.output) == (JobState.LOST, "started\n")
    assert (await scene.run("write", f"{mark}-after")).success
    assert scene.counts(mark) == (1, 0)


@SLOW
async def test_full_redis_refuses_submits_whole_and_lets_running_jobs_end(scene: Scene, mark: str) -> None:
    await scene.product.worker()
    job_ids = [await scene.holding(verb, f"{mark}-{verb}") for verb in ("read", "write")]
    before = await _names(scene.redis)

    await scene.redis.config_set("maxmemory", "1mb")
    refused = await scene.caller.post("stub", scene.counting.command("write", f"{mark}-refused"))
    submitted = await scene.caller.post(
        "stub", scene.counting.command("write", f"{mark}-refused"), prefer="respond-async"
    )
    while_full = await _names(scene.redis)
    for verb in ("read", "write"):
        scene.counting.release(f"{mark}-{verb}")
    responses = [await scene.ended(job_id) for job_id in job_ids]
    await scene.redis.config_set("maxmemory", "0")
    after = await scene.run("write", f"{mark}-after")

    assert {refused.status_code, submitted.status_code} == {httpx.codes.SERVICE_UNAVAILABLE}
    assert "Retry-After" in refused.headers
    assert while_full == before, "nothing is half-written"
    assert [(each.state, each.output) for each in responses] == [(JobState.SUCCEEDED, "started\nended\n")] * 2
    assert after.success, "it goes on once there is room"
    assert scene.counts(f"{mark}-refused") == (0, 0)
    assert [scene.counts(f"{mark}-{name}") for name in ("read", "write", "after")] == [(1, 1)] * 3


async def _names(redis: Redis) -> set[bytes]:
    """All keys of jobs, and what the queues and indexes hold."""
    names = {name async for name in redis.scan_iter(match=f"{key_names.PREFIX}*", count=1_000)}
    queued = await redis.zunion([key_names.QUEUED + lane for lane in Lane])
    return {name for name in names if not name.startswith(key_names.WAKE.encode())} | set(queued)
