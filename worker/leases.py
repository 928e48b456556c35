"""Renews the leases of running jobs, and ends jobs that are cancelled or whose lease is lost.

A cancellation arrives at once on the worker's control channel; the renewal every two seconds is the safety net. While
Redis is unavailable, jobs go on: the first renewal after the outage tells whether the lease still holds.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from redis.asyncio import Redis

from shared import metrics
from shared.models import JobId
from shared.store import key_names
from shared.store.job_store import RENEWAL_INTERVAL_S, Attempt, JobStore, Renewal
from worker.job_control import JobControl

CONTROL_POLL_S = 5.0


class LeaseKeeper:
    """The running attempts of one worker."""

    def __init__(self, store: JobStore, redis: Redis, worker_id: str) -> None:
        self._store = store
        self._redis = redis
        self._channel = key_names.control(worker_id)
        self._held: dict[Attempt, JobControl] = {}
        self._stop_reason: str | None = None

    @property
    def running(self) -> int:
        return len(self._held)

    @contextmanager
    def hold(self, attempt: Attempt) -> Iterator[JobControl]:
        """Renews the attempt's lease while the block runs."""
        control = JobControl()
        if self._stop_reason is not None:
            control.cancel(self._stop_reason)
        self._held[attempt] = control
        try:
            yield control
        finally:
            del self._held[attempt]

    def cancel_all(self, reason: str) -> None:
        """Cancels all held attempts, and each attempt that is held later."""
        self._stop_reason = reason
        for control in self._held.values():
            control.cancel(reason)

    def runs(self, job_id: JobId) -> bool:
        """Returns whether an attempt on the job already runs here. Then a second claim means that Redis lost data."""
        return any(attempt.job_id == job_id for attempt in self._held)

    def lose(self, job_id: JobId) -> None:
        """Ends the attempts on a job whose lease another attempt has taken."""
        for attempt, control in self._held.items():
            if attempt.job_id == job_id and not control.is_lost:
                metrics.LEASES_LOST.inc()
                control.lose()

    async def renew(self) -> None:
        """Renews all leases at intervals until it is cancelled."""
        while True:
            await asyncio.sleep(RENEWAL_INTERVAL_S)
            attempts = list(self._held)
            if attempts:
                answers = await self._store.renew(attempts)
                for attempt, answer in zip(attempts, answers, strict=True):
                    await self._apply(attempt, answer)

    async def listen(self) -> None:
        """Cancels attempts as the control channel demands, until it is cancelled itself."""
        async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(self._channel)
            while True:
                message = await pubsub.get_message(timeout=CONTROL_POLL_S)
                if message:
                    await self._cancel(message["data"])

    async def _cancel(self, job_id: bytes) -> None:
        for attempt in [attempt for attempt in self._held if attempt.job_id.encode() == job_id]:
            await self._apply(attempt, Renewal.CANCEL)

    async def _apply(self, attempt: Attempt, answer: Renewal) -> None:
        control = self._held.get(attempt)
        if control is None:
            return
        if answer is Renewal.LOST and not control.is_lost:
            metrics.LEASES_LOST.inc()
            control.lose()
        elif answer is Renewal.CANCEL and control.stop is None:
            [stored] = await self._store.read([attempt.job_id])
            control.cancel((stored and stored.record.cancel_reason) or "cancelled")
