"""A lane of a worker with a job function of the test's own."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager

from arq.connections import ArqRedis

from shared.models import JobId, Lane
from shared.network import redis_address
from shared.redis.redis_connection import worker_pool
from shared.store.attempts import Claim
from shared.store.job_store import JobStore
from tests.support.jobs import TOOL, WORKER_ID
from tests.support.waiting import wait_until
from worker.lane import LaneWorker
from worker.leases import LeaseKeeper

NEVER_S = 3_600.0

RunClaim = Callable[[Claim], Coroutine[None, None, None]]


class Recorder:
    """A job function that notes what it runs; while `gate` is closed it does not return."""

    def __init__(self) -> None:
        self.started: Counter[JobId] = Counter()
        self.ended: Counter[JobId] = Counter()
        self.most_at_once = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def run_claim(self, claim: Claim) -> None:
        job_id = claim.record.id
        self.started[job_id] += 1
        self.most_at_once = max(self.most_at_once, self.started.total() - self.ended.total())
        await self.gate.wait()
        self.ended[job_id] += 1


@asynccontextmanager
async def idle_lane(
    url: str,
    run_claim: RunClaim,
    *,
    slots: int = 2,
    tools: Collection[str] = (TOOL,),
    name: Lane = Lane.FAST,
) -> AsyncIterator[LaneWorker]:
    """A lane that does nothing by itself."""
    pool = ArqRedis(worker_pool(redis_address.parse(url)))
    store = JobStore(pool)
    leases = LeaseKeeper(store, pool, WORKER_ID)
    lane = LaneWorker(name, pool=pool, store=store, leases=leases, tools=tools, slots=slots, run_claim=run_claim)
    try:
        yield lane
    finally:
        await lane.leave_jobs()
        await pool.aclose(close_connection_pool=True)


@asynccontextmanager
async def serving_lane(
    url: str,
    run_claim: RunClaim,
    *,
    slots: int = 2,
    polls: bool = False,
    tools: Collection[str] = (TOOL,),
    name: Lane = Lane.FAST,
) -> AsyncIterator[LaneWorker]:
    """A lane that serves; unless it `polls`, only its wake lists can make it run anything that comes now."""
    async with idle_lane(url, run_claim, slots=slots, tools=tools, name=name) as lane:
        if not polls:
            lane.poll_delay_s = NEVER_S
        serving = asyncio.create_task(lane.serve(), name="serve")
        try:
            await wait_until(lambda: _has_polled_once(lane))
            await wait_until(lambda: is_listening(lane))
            yield lane
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def is_listening(lane: LaneWorker) -> bool:
    """Whether a lane of this server blocks on its wake lists."""
    return await listening(lane) > 0


async def listening(lane: LaneWorker) -> int:
    """How many lanes of this server block on their wake lists."""
    return int((await lane.pool.info("clients"))["blocked_clients"])


async def _has_polled_once(lane: LaneWorker) -> bool:
    return bool(await lane.pool.exists(lane.health_check_key))
