"""Metrics of the whole fleet: the queues and the live workers.

They are read from Redis when /metrics is requested, at most once in `MIN_AGE_S`. When Redis cannot be read, the gauges
are cleared, because an old number would look like a new one.
"""

import asyncio

import structlog
from redis.asyncio import Redis

from shared import metrics
from shared.models import Lane
from shared.redis.redis_connection import UNAVAILABLE
from shared.store.survey import QueueSurvey
from shared.store.workers import WorkerRegistry
from shared.tools import registry

MIN_AGE_S = 5.0
TIMEOUT_S = 2.0
GAUGES = (
    metrics.QUEUED_JOBS,
    metrics.RUNNING_JOBS,
    metrics.OLDEST_QUEUED_JOB,
    metrics.LIVE_WORKERS,
    metrics.LIVE_SLOTS,
)

log = structlog.get_logger()


class FleetGauges:
    """Updates the gauges of the fleet."""

    def __init__(self, redis: Redis, workers: WorkerRegistry) -> None:
        self._survey = QueueSurvey(redis)
        self._workers = workers
        self._reading = asyncio.Lock()
        self._fresh_until: float | None = None

    async def refresh(self) -> None:
        """Returns after `TIMEOUT_S` at the latest, also when Redis does not answer."""
        clock = asyncio.get_running_loop().time
        async with self._reading:
            if self._fresh_until is not None and clock() < self._fresh_until:
                return
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    await self._read()
            except UNAVAILABLE as error:
                log.warning("fleet not measured", error=type(error).__name__)
                for gauge in GAUGES:
                    gauge.clear()
            self._fresh_until = clock() + MIN_AGE_S

    async def _read(self) -> None:
        lanes = await self._survey.read()
        living = await self._workers.living()
        for lane, found in lanes.items():
            metrics.QUEUED_JOBS.labels(lane).set(found.queued)
            metrics.RUNNING_JOBS.labels(lane).set(found.running)
            metrics.OLDEST_QUEUED_JOB.labels(lane).set(found.oldest_s)
        for lane in Lane:
            metrics.LIVE_SLOTS.labels(lane).set(sum(worker.slots.get(lane, 0) for worker in living))
        for tool in registry.names():
            metrics.LIVE_WORKERS.labels(tool).set(sum(tool in worker.tools for worker in living))
