"""Renews the leases of running jobs, and ends jobs that are cancelled or whose lease is lost.

A cancellation arrives at once on the worker's control channel; the renewal every two seconds is the safety net. While
Redis is unavailable, jobs go on: the first renewal after the outage tells whether the lease still holds.

A renewal shows the fencing tokens of all running attempts. A failover or a restart changes the server's replication id,
and that server may have lost claims: before it gives this worker new jobs, the worker must have shown it the tokens.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

import structlog
from redis.asyncio import Redis

from shared import metrics
from shared.models import JobId
from shared.redis.redis_connection import UNAVAILABLE
from shared.store import key_names
from shared.store.attempts import Attempt, Claim, Renewal
from shared.store.job_store import RENEWAL_INTERVAL_S, JobStore
from worker.job_control import JobControl

CONTROL_POLL_S = 5.0
RETRY_DELAY_S = 0.5
GIVE_BACK_TRIES = 12
"""With the delay between them they last as long as a lease, which is then over."""
REMEMBERED = 100
"""Attempts that are remembered to be given back to the next server too, and cancellations that came early."""

log = structlog.get_logger()


class LeaseKeeper:
    """The running attempts of one worker."""

    def __init__(self, store: JobStore, redis: Redis, worker_id: str) -> None:
        self.worker_id = worker_id
        self.server = ""
        """Replication id of the server to which the fencing tokens were shown last."""
        self._store = store
        self._redis = redis
        self._channel = key_names.control(worker_id)
        self._held: dict[Attempt, JobControl] = {}
        self._given_back: deque[Attempt] = deque(maxlen=REMEMBERED)
        self._asked_early: deque[JobId] = deque(maxlen=REMEMBERED)
        """Jobs that a caller cancelled before their attempt was held here."""
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
            if self._held:
                await self.show()

    async def show(self) -> None:
        """Shows the fencing tokens of all running attempts, and ends those that the server does not know."""
        attempts = list(self._held)
        renewals = await self._store.renew(attempts)
        if self.server not in ("", renewals.server):
            log.warning("Redis is another server, or was restarted", running=len(attempts))
            await self._store.give_back(list(self._given_back))
        self.server = renewals.server
        for attempt, answer in zip(attempts, renewals.answers, strict=True):
            await self._apply(attempt, answer)

    async def give_back(self, attempts: Collection[Attempt]) -> None:
        """Queues jobs again whose commands were not started. Repeats this while their leases last.

        The next server gets them back too: it may know of the claims, without having acknowledged them, and not that
        they were given back.
        """
        self._given_back.extend(attempts)
        log.warning("jobs given back: no replica of Redis knew that they were taken", jobs=len(attempts))
        for _ in range(GIVE_BACK_TRIES):
            if await self._gave_back(attempts):
                return
            await asyncio.sleep(RETRY_DELAY_S)

    async def _gave_back(self, attempts: Collection[Attempt]) -> bool:
        try:
            await self._store.give_back(attempts)
        except UNAVAILABLE as error:
            log.warning("jobs not given back yet", error=type(error).__name__)
            return False
        return True

    async def cancel_if_asked(self, claim: Claim) -> None:
        """Cancels a held attempt if a caller asked for that before it was held. Otherwise, a renewal does so."""
        if claim.record.cancel_reason is not None or claim.record.id in self._asked_early:
            with suppress(*UNAVAILABLE):
                await self._apply(claim.attempt, Renewal.CANCEL)

    async def listen(self) -> None:
        """Cancels attempts as the control channel demands, until it is cancelled itself."""
        async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(self._channel)
            while True:
                message = await pubsub.get_message(timeout=CONTROL_POLL_S)
                if message:
                    await self._cancel(message["data"])

    async def _cancel(self, job_id: bytes) -> None:
        held = [attempt for attempt in self._held if attempt.job_id.encode() == job_id]
        if not held:
            self._asked_early.append(JobId(job_id.decode()))
        for attempt in held:
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
