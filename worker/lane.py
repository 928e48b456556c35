"""One lane of a worker: an arq worker with its own queue and slots. Wake lists tell it about new jobs.

arq runs the lane: it polls the lane's queue every five seconds as the safety net, counts the slots and keeps the tasks
of running jobs. Its `start_jobs` is replaced, because arq takes a job in several round trips, in the order of arrival,
and fails it when its mark expires. Here one script takes jobs in the order of their callers' turns and claims them, so
arq's own marks, payloads and retries are not used. An idle lane blocks on the wake lists of its tools.
"""

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import Callable, Collection, Coroutine

import structlog
from arq.connections import ArqRedis
from arq.worker import Worker, func

from shared.models import Lane
from shared.redis.redis_connection import UNAVAILABLE
from shared.restart_on_failure import restarted
from shared.store import key_names
from shared.store.attempts import Claim, UnacknowledgedClaimsError, UnknownServer
from shared.store.job_store import JobStore
from worker.leases import LeaseKeeper

WAKE_BLOCK_S = 10.0
POLL_INTERVAL_S = 5.0
RETRY_DELAY_S = 0.5
LEAVE_TIMEOUT_S = 3.0
"""Seconds that cancelled tasks have to end, even if Redis is unavailable."""

log = structlog.get_logger()


class LaneWorker(Worker):
    """One lane of one worker process, for jobs of its tools. `run_claim` settles each job itself."""

    def __init__(
        self,
        lane: Lane,
        *,
        pool: ArqRedis,
        store: JobStore,
        leases: LeaseKeeper,
        tools: Collection[str],
        slots: int,
        run_claim: Callable[[Claim], Coroutine[None, None, None]],
    ) -> None:
        super().__init__(
            functions=[func(run_claim, name="run_claim")],  # type: ignore[arg-type]  # arq wants one, but never calls it
            queue_name=key_names.queue(lane),
            redis_pool=pool,
            handle_signals=False,
            max_jobs=slots,
            poll_delay=POLL_INTERVAL_S,
            queue_read_limit=1,
        )
        self._lane = lane
        self._store = store
        self._leases = leases
        self._run_claim = run_claim
        self._tools = sorted(tools)
        self._wake_keys = deque(key_names.wake(lane, tool) for tool in self._tools)
        self._slot_freed = asyncio.Event()
        self._taking = asyncio.Lock()

    @property
    def free_slots(self) -> int:
        return self.max_jobs - self.job_counter

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Takes jobs if arq's poll has found any. Replaces arq's method."""
        if job_ids:
            await self._take()

    async def serve(self) -> None:
        """Runs jobs until it is cancelled, also across outages of Redis."""
        async with asyncio.TaskGroup() as group:
            group.create_task(restarted(self.main, f"{self.queue_name} poll"), name=f"{self.queue_name} poll")
            group.create_task(restarted(self._listen, f"{self.queue_name} wake"), name=f"{self.queue_name} wake")

    def stop_taking_jobs(self) -> None:
        self.allow_pick_jobs = False

    async def wait_until_idle(self) -> None:
        """Waits until all taken jobs have ended. Call it on a lane that takes no more jobs."""
        async with self._taking:
            running = [task for task in self.tasks.values() if not task.done()]
        if running:
            await asyncio.wait(running)

    async def leave_jobs(self) -> int:
        """Ends the tasks of jobs that did not end in time. Returns their number; other processes settle those jobs."""
        left = sum(not task.done() for task in self.tasks.values())
        for task in self.tasks.values():
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        return left

    async def _listen(self) -> None:
        """Takes jobs as long as there are any for its free slots, then waits for a wake token."""
        while self.allow_pick_jobs:
            await self._wait_for_slot()
            if not await self._take():
                await self._wait_for_token()

    async def _wait_for_token(self) -> None:
        answer = None
        while self.allow_pick_jobs and answer is None:
            answer = await self.pool.execute_command(  # type: ignore[no-untyped-call]  # redis-py types BLMPOP wrongly
                "BLMPOP", WAKE_BLOCK_S, len(self._wake_keys), *self._wake_keys, "LEFT", "COUNT", max(1, self.free_slots)
            )
            # Redis tries the lists in this order, so the order changes: no tool may always come first.
            self._wake_keys.rotate()
        if answer is not None and not self.allow_pick_jobs:
            wake_key, tokens = answer
            async with self.pool.pipeline(transaction=False) as pipe:
                pipe.lpush(wake_key.decode(), *reversed(tokens))
                await pipe.execute()

    async def _take(self) -> bool:
        """Takes jobs for the free slots. Returns whether all slots are taken now, so that more jobs may be queued.

        Only one call runs at a time, because the poll and the wake lists share the slots.
        """
        async with self._taking:
            if not self.allow_pick_jobs or self.free_slots <= 0:
                return True
            for claim in await self._claims(self.free_slots):
                await self.sem.acquire()
                self.job_counter += 1
                task = self.loop.create_task(self._run_claim(claim), name=f"job {claim.record.id}")
                task.add_done_callback(self._free_slot)
                # A job that is taken a second time, while its first attempt ends here, has another fencing token.
                self.tasks[f"{claim.record.id} {claim.attempt.fence}"] = task
            return self.free_slots <= 0

    async def _claims(self, most: int) -> list[Claim]:
        """Repeats the call until Redis answers, with the same fencing token, because an earlier call may have arrived.

        Jobs that no replica knows to be taken are given back, and Redis gets a moment to find its replicas again.
        """
        fence = secrets.token_hex(16)
        delay_s = 0.0
        while self.allow_pick_jobs:
            try:
                claims = await self._ask_for_jobs(fence, most)
                if not isinstance(claims, UnknownServer):
                    return claims
                await asyncio.sleep(delay_s)
                await self._leases.show()
            except UnacknowledgedClaimsError as error:
                await self._leases.give_back(error.attempts)
                await asyncio.sleep(RETRY_DELAY_S)
                return []
            except UNAVAILABLE as error:
                log.warning("jobs not taken yet", error=type(error).__name__)
                await asyncio.sleep(RETRY_DELAY_S)
            # While two connections lead to different servers, showing the tokens again and again would not help.
            delay_s = RETRY_DELAY_S
        await self._give_back_taken(fence)
        return []

    async def _ask_for_jobs(self, fence: str, most: int) -> list[Claim] | UnknownServer:
        return await self._store.take(
            self._lane,
            worker_id=self._leases.worker_id,
            tools=self._tools,
            most=most,
            fence=fence,
            server=self._leases.server,
        )

    async def _give_back_taken(self, fence: str) -> None:
        """Gives back what a call whose answer was lost may have taken, because this lane starts no job any more."""
        try:
            claims = await self._ask_for_jobs(fence, 0)
        except UNAVAILABLE:
            return
        if not isinstance(claims, UnknownServer) and claims:
            await self._leases.give_back([claim.attempt for claim in claims])

    def _free_slot(self, _: "asyncio.Task[None]") -> None:
        self._release_sem_dec_counter_on_complete()
        self._slot_freed.set()

    async def _wait_for_slot(self) -> None:
        while self.free_slots <= 0:
            self._slot_freed.clear()
            await self._slot_freed.wait()
