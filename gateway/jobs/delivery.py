"""Records how each call that waits for a job ends.

Such a call is a recipient: it has submitted the job, or joined the job of an earlier call with the same command. It
ends once: it receives the result, takes the job's id, misses the result or leaves. Until all recipients have received
the result, the next call with the same command gets it. A job without recipients, whose id no client has, may be given
up: a queued job or a running read, never a running write. Recipients of one job may be on several gateways, so the
store counts them (`deliver.lua`).
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
from shared.store.job_store import Delivered, JobStore
from shared.store.submits import NewJob

ABANDONED = "no caller waited for the command any more"

log = structlog.get_logger()


class ClientGoneError(Exception):
    """The client closed its connection, so it cannot receive an answer."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Records how the calls of one gateway end."""

    store: JobStore
    waiters: JobWaiters
    background: Background

    def recipient(self, job: NewJob, *, gives_up: bool) -> "Recipient":
        """Returns the call that submits the job. With an idempotency key it never gives up: its client asks again."""
        is_counted, gives_up = bool(job.repeatable), gives_up and not job.fingerprint
        return Recipient(self, job.id, job.id, is_counted=is_counted, gives_up=gives_up)

    async def show(self, job: Job) -> None:
        """Records that a client gets the result by the job's id. Ignores reads, and jobs that have not ended."""
        if job.state.is_final and not job.command_class.changes_nothing:
            await self.record(job.id, None, Delivered.RESULT)

    async def record(self, job_id: JobId, call: JobId | None, got: Delivered) -> None:
        """Records what a call got. If Redis is not available, only logs that, so that the answer is still sent."""
        try:
            async with store_calls.bounded(job_id):
                await self.store.deliver(job_id, call, got)
        except UnavailableError:
            log.warning("delivery not recorded", job_id=job_id, got=got)

    async def record_nothing(self, job_id: JobId, call: JobId, *, reason: str) -> None:
        """Records that a call got nothing. With a `reason`, gives up the job if that is allowed."""
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
    """Identifies the call: the id of the job that it submitted, or would have submitted if it had joined none."""
    job_id: JobId
    is_counted: bool
    """Whether other calls may join the job. Only then the store counts its recipients."""
    gives_up: bool
    """Whether the job may be given up when the client goes."""

    async def receive(self) -> None:
        """Records that the answer contains the result. After all recipients have it, the same command runs again."""
        if self.is_counted:
            await self.delivery.record(self.job_id, self.call, Delivered.RESULT)

    async def take_id(self) -> None:
        """Records that the answer contains the job's id instead of its result."""
        if self.is_counted:
            await self.delivery.record(self.job_id, self.call, Delivered.ID)

    def miss(self) -> None:
        """Records that the call ends without an answer that reaches its client. The job continues."""
        if self.is_counted:
            self._end(reason="")

    def leave(self) -> None:
        """Records that the client has left. Does nothing while the gateway stops, because its clients have not left."""
        if self.delivery.waiters.is_draining:
            return
        if self.gives_up:
            self._end(reason=ABANDONED)
        else:
            self.miss()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Leaves if the block is cancelled or the client disconnects. After other errors the call misses the result."""
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
