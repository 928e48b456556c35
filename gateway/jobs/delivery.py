"""How the result of a job reaches the calls that wait for it.

Such a call is a recipient: it has submitted the job, or joined the one that an earlier call of the same command
submitted. It ends once: it receives the result, takes the job's id, misses the result or leaves. A result that not all
received goes to the next call of the same command. A job that nobody waits for and whose id nobody has may be given up:
a queued job or a running read, never a running write. Recipients of one job may be on several gateways, so the store
keeps count (`deliver.lua`).
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from gateway import store_calls
from gateway.background import Background
from gateway.jobs.waiters import JobWaiters
from shared.errors import UnavailableError
from shared.models import Job, JobId
from shared.redis.redis_connection import UNAVAILABLE
from shared.store.job_store import Delivered, JobStore, NewJob

ABANDONED = "nobody waited for the command any more"

log = structlog.get_logger()


class ClientGoneError(Exception):
    """The client closed its connection; nobody reads an answer any more."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Records what the calls of one gateway end with."""

    store: JobStore
    waiters: JobWaiters
    background: Background

    def recipient(self, job: NewJob, *, gives_up: bool) -> "Recipient":
        """The call that submits the job. A client that sends an idempotency key will ask again, and never gives up."""
        is_counted, gives_up = bool(job.repeatable), gives_up and not job.fingerprint
        return Recipient(self, job.id, job.id, is_counted=is_counted, gives_up=gives_up)

    async def show(self, job: Job) -> None:
        """The job's result, if it has one, goes to a client that asked for it by the job's id."""
        if job.state.is_final and not job.command_class.changes_nothing:
            await self.record(job.id, None, Delivered.RESULT)

    async def record(self, job_id: JobId, call: JobId | None, got: Delivered) -> None:
        """An outage that keeps it from being recorded is no reason to keep the answer back."""
        try:
            async with store_calls.bounded(job_id):
                await self.store.deliver(job_id, call, got)
        except UnavailableError:
            log.warning("delivery not recorded", job_id=job_id, got=got)

    async def record_nothing(self, job_id: JobId, call: JobId, *, reason: str) -> None:
        """With a reason, the job is given up if it may be."""
        try:
            state = await self.store.deliver(job_id, call, Delivered.NOTHING, reason=reason)
        except UNAVAILABLE as error:
            log.warning("end of a call not recorded", job_id=job_id, error=type(error).__name__)
        else:
            log.info("job abandoned" if reason else "call ended without the result", job_id=job_id, state=state)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A call that waits for a job's result."""

    delivery: Delivery
    call: JobId
    """Names the call: the id of the job that it submitted, or would have if there were none to join."""
    job_id: JobId
    is_counted: bool
    """Whether another call of the same command may join the job: only then the store counts its recipients."""
    gives_up: bool
    """Whether the job may be given up when the client goes."""

    async def receive(self) -> None:
        """The call's answer holds the result. When all have received it, the same command again is another run."""
        if self.is_counted:
            await self.delivery.record(self.job_id, self.call, Delivered.RESULT)

    async def take_id(self) -> None:
        """The call's answer holds the job's id instead of its result."""
        if self.is_counted:
            await self.delivery.record(self.job_id, self.call, Delivered.ID)

    def miss(self) -> None:
        """The call ends without an answer that reaches its client; the job goes on."""
        if self.is_counted:
            self._end(reason="")

    def leave(self) -> None:
        """The client has gone. The clients of a gateway that stops have not."""
        if self.delivery.waiters.is_draining:
            return
        if self.gives_up:
            self._end(reason=ABANDONED)
        else:
            self.miss()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The call leaves when the block is cancelled or its client goes, and misses the result when it fails."""
        try:
            yield
        except (asyncio.CancelledError, ClientGoneError):
            self.leave()
            raise
        except BaseException:
            self.miss()
            raise

    def _end(self, *, reason: str) -> None:
        recording = self.delivery.record_nothing(self.job_id, self.call, reason=reason)
        self.delivery.background.start(recording, name=f"leave {self.job_id}")
