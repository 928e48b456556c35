"""arq, woken by events: one lane's queue, slots and wake list.

Stock arq polls; here an idle lane blocks on its wake list and hands what it pops to arq's public `start_jobs`, and the
poll of once a second remains as the safety net. Whether a job may run is decided by our own claim, never by arq: its
retries and its in-progress mark only decide when `run_job` is called.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from arq.connections import ArqRedis
from arq.worker import Retry, Worker, func

from shared import keys
from shared.models import JobId, Lane
from shared.redis_connection import UNAVAILABLE
from shared.store import wire
from shared.store.job_store import ARQ_IN_PROGRESS_MS

WAKE_BLOCK_S = 5.0
POLL_INTERVAL_S = 1.0
QUEUE_READ_LIMIT = 10_000
"""A poll reads the oldest ids, running ones included: more than all slots of a fleet."""
MAX_TRIES = 1_000_000
"""A pick-up is no attempt: a job that this worker cannot run goes back, and the claim lets exactly one attempt run."""
RESTART_DELAY_S = 1.0
ARQ_MARGIN_S = 10
"""arq adds this to the longest run for its in-progress mark."""

log = structlog.get_logger()


class TryElsewhere(Exception):
    """This worker cannot run the job; another may."""


class LaneWorker(Worker):
    """One lane of one worker process. `run_job` settles the job itself; `TryElsewhere` puts it back."""

    def __init__(self, lane: Lane, *, pool: ArqRedis, slots: int, run_job: Callable[[JobId], Awaitable[None]]) -> None:
        async def run(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> None:
            [job_id] = args
            try:
                await run_job(JobId(job_id))
            except TryElsewhere as error:
                raise Retry(defer=1) from error

        super().__init__(
            functions=[func(run, name=wire.JOB_FUNCTION)],
            queue_name=keys.queue(lane),
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
        self._wake_key = keys.wake(lane)
        self._slot_freed = asyncio.Event()
        self._starting = asyncio.Lock()

    @property
    def free_slots(self) -> int:
        return self.max_jobs - self.job_counter

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """arq's own, one call at a time: it skips jobs without a word when slots run out beneath it."""
        async with self._starting:
            running = set(self.tasks)
            await super().start_jobs(job_ids)
            for job_id in self.tasks.keys() - running:
                self.tasks[job_id].add_done_callback(lambda _: self._slot_freed.set())

    async def serve(self) -> None:
        """Runs jobs until cancelled, through outages of Redis."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._again_and_again(self.main), name=f"{self.queue_name} poll")
            group.create_task(self._again_and_again(self._listen), name=f"{self.queue_name} wake")

    def stop_taking_jobs(self) -> None:
        self.allow_pick_jobs = False

    async def _listen(self) -> None:
        while self.allow_pick_jobs:
            await self._wait_for_slot()
            answer = await self.pool.execute_command(  # type: ignore[no-untyped-call]  # redis-py types BLMPOP wrongly
                "BLMPOP", WAKE_BLOCK_S, 1, self._wake_key, "LEFT", "COUNT", self.free_slots
            )
            if answer:
                await self.start_jobs(answer[1])

    async def _wait_for_slot(self) -> None:
        while self.free_slots <= 0:
            self._slot_freed.clear()
            await self._slot_freed.wait()

    async def _again_and_again(self, run: Callable[[], Awaitable[None]]) -> None:
        while self.allow_pick_jobs:
            try:
                await run()
            except UNAVAILABLE as error:
                log.warning("queue unreachable", queue=self.queue_name, error=type(error).__name__)
                await asyncio.sleep(RESTART_DELAY_S)
