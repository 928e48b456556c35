"""One lane of a worker: an arq worker with its own queue and slots. Wake lists tell it about new jobs.

Plain arq polls. Here an idle lane blocks on the wake lists of its tools and passes each popped id to `start_jobs`; a
poll each second is the safety net. A lane leaves jobs of other tools unmarked. Our own claim decides whether a job may
run; arq's retries and in-progress mark decide only when `run_job` is called.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from arq.connections import ArqRedis
from arq.worker import Worker, func

from shared.models import JobId, Lane
from shared.restart_on_failure import restarted
from shared.store import key_names, wire
from shared.store.job_store import ARQ_IN_PROGRESS_MS, JobStore

WAKE_BLOCK_S = 5.0
POLL_INTERVAL_S = 1.0
QUEUE_READ_LIMIT = 10_000
"""Number of oldest ids that a poll reads. It exceeds all slots of a fleet, because running jobs are among them."""
MAX_TRIES = 1_000_000
"""arq must never give up on a job: workers may die after a pick-up, and the claim lets exactly one attempt run."""
LEAVE_TIMEOUT_S = 3.0
"""Seconds that cancelled tasks have to end, even if Redis is unavailable."""
ARQ_MARGIN_S = 10
"""Seconds that arq adds to the longest run for its in-progress mark."""


class LaneWorker(Worker):
    """One lane of one worker process, for jobs of its tools. `run_job` settles each job itself."""

    def __init__(
        self,
        lane: Lane,
        *,
        pool: ArqRedis,
        tools: Collection[str],
        slots: int,
        run_job: Callable[[JobId], Awaitable[None]],
    ) -> None:
        async def run(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> None:
            [job_id] = args
            await run_job(JobId(job_id))

        super().__init__(
            functions=[func(run, name=wire.JOB_FUNCTION)],
            queue_name=key_names.queue(lane),
            redis_pool=pool,
            handle_signals=False,
            max_jobs=slots,
            job_timeout=ARQ_IN_PROGRESS_MS // 1000 - ARQ_MARGIN_S,
            keep_result=0,
            poll_delay=POLL_INTERVAL_S,
            queue_read_limit=QUEUE_READ_LIMIT,
            max_tries=MAX_TRIES,
            job_serializer=wire.serialize,
            job_deserializer=wire.deserialize,
            log_results=False,
        )
        self._lane = lane
        self._store = JobStore(pool)
        self._tools = sorted(tools)
        self._wake_keys = deque(key_names.wake(lane, tool) for tool in self._tools)
        self._slot_freed = asyncio.Event()
        self._starting = asyncio.Lock()
        self._finishing: set[asyncio.Task[None]] = set()

    @property
    def free_slots(self) -> int:
        return self.max_jobs - self.job_counter

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Starts jobs that are due and not in progress, at most one for each free slot.

        Replaces arq's method, which needs five round trips to Redis for each job. Only one call runs at a time, because
        the poll and the wake lists share the slots.
        """
        async with self._starting:
            if not self.allow_pick_jobs:
                return
            picked = await self._store.pick(self._lane, job_ids, tools=self._tools, limit=self.free_slots)
            for job_id, score in picked:
                await self.sem.acquire()
                self.job_counter += 1
                task = self.loop.create_task(self.run_job(job_id, score), name=f"job {job_id}")
                task.add_done_callback(self._free_slot)
                self.tasks[job_id] = task

    async def finish_job(  # noqa: PLR0917 - the signature is arq's
        self,
        job_id: str,
        finish: bool,
        result_data: bytes | None,
        result_timeout_s: float | None,
        keep_result_forever: bool,
        incr_score: int | None,
        keep_in_progress: float | None,
    ) -> None:
        """Replaces arq's method, which would remove a job that a sweep has queued again for another worker.

        arq shields the task that runs this, so that task outlives the job's task and needs another owner.
        """
        if (task := asyncio.current_task()) is not None:
            self._finishing.add(task)
            task.add_done_callback(self._finishing.discard)
        if finish:
            await self._store.tidy(JobId(job_id), self._lane)
        else:
            await super().finish_job(
                job_id, finish, result_data, result_timeout_s, keep_result_forever, incr_score, keep_in_progress
            )

    async def serve(self) -> None:
        """Runs jobs until it is cancelled, also across outages of Redis."""
        async with asyncio.TaskGroup() as group:
            group.create_task(restarted(self.main, f"{self.queue_name} poll"), name=f"{self.queue_name} poll")
            group.create_task(restarted(self._listen, f"{self.queue_name} wake"), name=f"{self.queue_name} wake")

    def stop_taking_jobs(self) -> None:
        self.allow_pick_jobs = False

    async def wait_until_idle(self) -> None:
        """Waits until all taken jobs have ended, claimed or not. Call it on a lane that takes no more jobs."""
        async with self._starting:
            running = [task for task in self.tasks.values() if not task.done()]
        if running:
            await asyncio.wait(running)

    async def leave_jobs(self) -> int:
        """Ends the tasks of jobs that did not end in time. Returns their number; other processes settle those jobs.

        A task of arq fails while Redis is unavailable. The end of the event loop would log that as an unexpected error.
        """
        left = sum(not task.done() for task in self.tasks.values())
        for task in self.tasks.values():
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                await asyncio.gather(*self.tasks.values(), return_exceptions=True)
                await asyncio.gather(*self._finishing, return_exceptions=True)
        for task in self._finishing:
            task.cancel()
        await asyncio.gather(*self._finishing, return_exceptions=True)
        return left

    async def _listen(self) -> None:
        while self.allow_pick_jobs:
            await self._wait_for_slot()
            answer = await self.pool.execute_command(  # type: ignore[no-untyped-call]  # redis-py types BLMPOP wrongly
                "BLMPOP", WAKE_BLOCK_S, len(self._wake_keys), *self._wake_keys, "LEFT", "COUNT", self.free_slots
            )
            # Redis tries the lists in this order, so the order changes: no tool may always come first.
            self._wake_keys.rotate()
            if answer:
                await self._start_or_give_back(*answer)

    async def _start_or_give_back(self, wake_key: bytes, tokens: list[bytes]) -> None:
        await self.start_jobs(tokens)
        if not self.allow_pick_jobs:
            async with self.pool.pipeline(transaction=False) as pipe:
                pipe.lpush(wake_key.decode(), *reversed(tokens))
                await pipe.execute()

    def _free_slot(self, _: "asyncio.Task[None]") -> None:
        self._release_sem_dec_counter_on_complete()
        self._slot_freed.set()

    async def _wait_for_slot(self) -> None:
        while self.free_slots <= 0:
            self._slot_freed.clear()
            await self._slot_freed.wait()
