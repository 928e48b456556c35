"""Measures jobs per second through queue and store: one process submits and another claims and settles; none is run."""

import asyncio
import sys
import time

from arq.connections import ArqRedis

from shared.models import ANONYMOUS, CommandClass, JobState, Lane
from shared.network import redis_address
from shared.redis import redis_connection
from shared.store.attempts import Claim, Ending
from shared.store.job_store import JobStore
from shared.store.submits import NewJob
from tests.support.jobs import new_job_id
from tests.support.valkey import APPEND_ONLY, Valkey
from worker.lane import LaneWorker
from worker.leases import LeaseKeeper

JOBS = 5_000
SUBMITTERS = 20
SLOTS = 50
TOOL = "noop"


async def jobs_per_second() -> float:
    """Measures on a separate server, with one worker process."""
    with Valkey(APPEND_ONLY) as valkey:
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.throughput", valkey.url, stdout=asyncio.subprocess.PIPE
        )
        try:
            return await _submit_all(valkey.url, worker)
        finally:
            worker.kill()
            await worker.wait()


async def _submit_all(url: str, worker: asyncio.subprocess.Process) -> float:
    assert worker.stdout is not None
    redis = redis_connection.gateway_client(redis_address.parse(url))
    store = JobStore(redis)
    await worker.stdout.readline()
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(SUBMITTERS):
            group.create_task(_submit(store, JOBS // SUBMITTERS))
    await worker.stdout.readline()
    seconds = time.perf_counter() - started
    await redis.aclose()
    return JOBS / seconds


async def _submit(store: JobStore, count: int) -> None:
    for _ in range(count):
        job = NewJob(
            id=new_job_id(),
            principal=ANONYMOUS,
            tool=TOOL,
            command_class=CommandClass.READ,
            lane=Lane.FAST,
            time_limit_s=60,
            queue_wait_s=60,
            retention_s=60,
            request=b"sealed",
            request_key=b"key",
            output_key=b"key",
        )
        await store.submit(job, demands_worker=False, queue_limit=JOBS)


async def _work(url: str) -> None:
    redis = ArqRedis(redis_connection.worker_pool(redis_address.parse(url)))
    store = JobStore(redis)
    left, done = JOBS, asyncio.Event()

    async def run_claim(claim: Claim) -> None:
        nonlocal left
        await store.settle(claim.attempt, Ending(JobState.SUCCEEDED, "", b"sealed"))
        left -= 1
        if left == 0:
            done.set()

    leases = LeaseKeeper(store, redis, "bench")
    lane = LaneWorker(Lane.FAST, pool=redis, store=store, leases=leases, tools=[TOOL], slots=SLOTS, run_claim=run_claim)
    serving = asyncio.create_task(lane.serve(), name="lane")
    print("ready", flush=True)
    await done.wait()
    print("done", flush=True)
    serving.cancel()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_work(sys.argv[1]))
