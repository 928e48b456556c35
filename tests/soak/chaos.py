"""What happens to the product in a soak: workers are killed and replaced, Redis restarts on its append-only file."""

import asyncio
import random
import signal

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.store import key_names
from tests.soak.ledger import Ledger
from tests.support.product import Process, Product
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until

WORKERS = 3
RESTARTS = 2
JOBS_PER_KILL = 150
MAX_KILLS = 40
LOOK_TIMEOUT_S = 60.0


class Chaos:
    """Owns the workers. Everything happens at a number of ended jobs, never at a time."""

    def __init__(self, product: Product, valkey: Valkey, redis: Redis, *, ledger: Ledger) -> None:
        self._product, self._valkey, self._redis, self._ledger = product, valkey, redis, ledger
        self.workers: dict[str, Process] = {}
        """By the id that the worker announces."""
        self.kills = 0
        self.restarts = 0

    async def start_worker(self) -> None:
        """One at a time: the new announcement is its own."""
        before = await self._announced()
        process = await self._product.worker()
        [worker_id] = await self._announced() - before
        self.workers[worker_id] = process

    async def run(self, jobs: int, chance: random.Random) -> None:
        """Until all that was planned has happened."""
        restarts = [jobs * (number + 1) // (RESTARTS + 1) for number in range(RESTARTS)]
        kills = [chance.randrange(jobs // 20, jobs * 9 // 10) for _ in range(min(jobs // JOBS_PER_KILL, MAX_KILLS))]
        for at, is_restart in sorted([(at, True) for at in restarts] + [(at, False) for at in kills]):
            await self._ledger.reaches(at)
            if is_restart:
                await self._restart_redis()
            else:
                await self._kill(chance.choice(sorted(self.workers)))
                await self.start_worker()

    async def _kill(self, worker_id: str) -> None:
        """Stopped first: what it holds then is what it holds when it dies."""
        worker = self.workers.pop(worker_id)
        worker.signal(signal.SIGSTOP)
        running = await self._settled_view(worker_id)
        worker.kill()
        self._ledger.on_killed_workers |= running
        self.kills += 1

    async def _restart_redis(self) -> None:
        await asyncio.to_thread(self._valkey.restart)
        self.restarts += 1

    async def _settled_view(self, worker_id: str) -> set[str]:
        """Ids of the jobs that the worker runs, once what it had sent before it was stopped has been done."""
        seen: list[set[str]] = []

        async def is_still() -> bool:
            seen.append(await self._running_on(worker_id))
            return len(seen) > 1 and seen[-1] == seen[-2]

        await wait_until(is_still, timeout_s=LOOK_TIMEOUT_S)
        return seen[-1]

    async def _running_on(self, worker_id: str) -> set[str]:
        job_ids = [job_id.decode() for job_id in await self._redis.zrange(key_names.LEASES, 0, -1)]
        async with self._redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hget(key_names.JOB + job_id, "worker")
            holders = await pipe.execute()
        return {job_id for job_id, holder in zip(job_ids, holders, strict=True) if holder == worker_id.encode()}

    async def _announced(self) -> set[str]:
        async def look() -> set[str]:
            names = [name async for name in self._redis.scan_iter(match=f"{key_names.WORKER}*", count=1_000)]
            return {name.decode().removeprefix(key_names.WORKER) for name in names}

        try:
            return await look()
        except (RedisError, OSError):  # the connection of before a restart
            return await look()
