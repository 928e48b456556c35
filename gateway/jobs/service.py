"""Submits jobs, waits for them, reads and cancels them. REST and MCP both call this module."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from opentelemetry import trace

from gateway import store_calls
from gateway.auth.callers import Caller
from gateway.background import Background
from gateway.intake.preparation import PreparedCall
from gateway.jobs import idempotency, refusals
from gateway.jobs.delivery import Delivery, Recipient
from gateway.jobs.responses import JobText, ResponseReader
from gateway.jobs.submitter import JobSealer, QueuedJob, Submitter
from gateway.jobs.waiters import JobWaiters, NoEnd, Watch
from shared import logs
from shared.errors import ErrorCode, ProductError, RequestError, UnavailableError
from shared.models import JOB_ID_PATTERN, Job, JobId, JobState
from shared.sealing import job_ids
from shared.sealing.fernet_keys import MasterKeys
from shared.settings import GatewaySettings
from shared.store.job_store import CancelScope, JobStore, StoredJob
from shared.store.submits import NewJob
from shared.tracing import spans

WAIT_MARGIN_S = 60
"""Seconds for ending a command after its time limit, and for settling the job of a worker that died."""
CANCELLED = "cancelled by request"


@dataclass(frozen=True, slots=True)
class PendingJob:
    """A submitted job that its submitter waits for."""

    queued: Job
    """The job at the time when it was queued."""
    longest_wait_s: float
    """Seconds after which the job has ended, even if this gateway cannot see its end."""
    recipient: Recipient
    watch: Watch
    responses: ResponseReader
    joined: JobState | None = None
    """State in which this call joined the job of an earlier call; None if this call submitted the job."""

    async def ended(self, timeout_s: float | None) -> Job | NoEnd | None:
        """Returns the finished job, or why the wait ended without it; None after `timeout_s`, if that is given."""
        end = await self.watch.ended(self.longest_wait_s if timeout_s is None else timeout_s)
        if end is None and timeout_s is None:
            return NoEnd.UNSEEN
        if not isinstance(end, StoredJob):
            return end
        async with store_calls.bounded(self.queued.id):
            return await self.responses.job(end)

    async def latest(self) -> Job:
        """Returns the current job. If Redis is not available, returns the queued job, so that the caller has its id."""
        try:
            async with store_calls.bounded(self.queued.id):
                [stored] = await self.responses.store.read([self.queued.id])
                if stored is not None:
                    return await self.responses.job(stored)
        except UnavailableError:
            return self.queued
        raise refusals.no_end(NoEnd.GONE, self.queued)


@dataclass(frozen=True, slots=True)
class JobService:
    """Handles the jobs of all callers of one gateway process."""

    store: JobStore
    sealer: JobSealer
    submitter: Submitter
    waiters: JobWaiters
    delivery: Delivery
    master_keys: MasterKeys
    responses: ResponseReader
    settings: GatewaySettings
    background: Background
    """Owns the tasks that continue after their request is cancelled."""
    find_primary: Callable[[], Awaitable[bool]]
    """Makes sure that the next question goes to the primary: the server before it may still answer, and lacks jobs.

    Returns False if the question cannot have gone to another server.
    """

    async def queue(self, call: PreparedCall, *, demands_worker: bool) -> Job:
        """Queues a job that its caller does not wait for. Raises `UnavailableError` if it cannot be queued."""
        chosen = await idempotency.chosen(self.store, self.master_keys, call)
        with self.sealer.sealed(call, chosen) as job:
            recipient = self.delivery.recipient(job, gives_up=True)
            queued = await self._queued(job, recipient, demands_worker=demands_worker)
        return await self.read(queued.job.id, call.caller) if queued.is_repeated else queued.job

    @asynccontextmanager
    async def submitted(
        self, call: PreparedCall, *, demands_worker: bool, gives_up: bool = True, joins: bool = False
    ) -> AsyncIterator[PendingJob]:
        """Queues a job and watches it. Raises `UnavailableError` if it cannot be queued.

        With `gives_up` the job is abandoned if the block is cancelled or the client disconnects, unless the call has
        an idempotency key. With `joins` the call joins the job of the same command if its result was not delivered.
        """
        demanded_tool = call.envelope.command.tool if demands_worker else None
        chosen = await idempotency.chosen(self.store, self.master_keys, call)
        async with AsyncExitStack() as watching:
            with self.sealer.sealed(call, chosen, joins=joins) as job:
                watch = await watching.enter_async_context(
                    self.waiters.watch(job.id, is_new=True, demanded_tool=demanded_tool)
                )
                recipient = self.delivery.recipient(job, gives_up=gives_up)
                queued = await self._queued(job, recipient, demands_worker=demands_worker)
            recipient = replace(recipient, job_id=queued.job.id)
            with recipient.waiting():
                if queued.joined:
                    await watching.aclose()  # no job has the id that was watched
                    watch = await watching.enter_async_context(self.waiters.watch(queued.job.id))
                watch.is_submitted = True
                if queued.is_repeated:
                    self.waiters.check(queued.job.id)
                longest_wait_s = job.queue_wait_s + job.time_limit_s + WAIT_MARGIN_S
                yield PendingJob(queued.job, longest_wait_s, recipient, watch, self.responses, queued.joined)

    async def read(self, job_id: str, caller: Caller) -> Job:
        """Returns the current job. Raises `RequestError` as for `find`."""
        return await self._described(await self.find(job_id, caller))

    async def wait(self, job_id: str, caller: Caller, wait_s: float) -> Job:
        """Returns the job when it has ended, or the unfinished job after `wait_s` seconds."""
        stored = await self.find(job_id, caller)
        if not stored.record.state.is_final and wait_s > 0:
            async with self.waiters.watch(stored.record.id) as watch:
                end = await watch.ended(wait_s)
            stored = end if isinstance(end, StoredJob) else await self.find(job_id, caller)
        return await self._described(stored)

    async def text(self, job_id: JobId) -> JobText:
        """Returns the output of a job so far."""
        async with store_calls.bounded(job_id):
            [stored] = await self.store.read([job_id])
            return await self.responses.text(stored.record) if stored else JobText()

    async def cancel(self, job_id: str, caller: Caller) -> Job:
        """Cancels a job. A running job ends soon after; a job that has ended is not changed."""
        stored = await self.find(job_id, caller)
        async with store_calls.bounded(job_id):
            await self.store.cancel(stored.record.id, reason=CANCELLED, scope=CancelScope.ANY)
        return await self.read(job_id, caller)

    async def find(self, job_id: str, caller: Caller) -> StoredJob:
        """Returns the caller's job. Raises `RequestError` if the caller has no such job or its record is gone."""
        unknown = RequestError(ErrorCode.JOB_UNKNOWN, "There is no such job, and never was: the id is wrong.")
        if not JOB_ID_PATTERN.fullmatch(job_id):
            raise unknown
        async with store_calls.bounded(job_id):
            [stored] = await self.store.read([JobId(job_id)])
        if stored is None and (issue := job_ids.issue_of(self.master_keys, JobId(job_id))):
            async with store_calls.bounded(job_id):
                if await self.find_primary():
                    [stored] = await self.store.read([JobId(job_id)])
            if stored is None:
                raise refusals.gone(issue, retention_s=self.settings.retention_s)
        if stored is None or stored.record.principal != caller.principal:
            raise unknown
        logs.add(job_id=job_id)
        return stored

    async def _described(self, stored: StoredJob) -> Job:
        async with store_calls.bounded(stored.record.id):
            return await self.responses.job(stored)

    async def _queued(self, job: NewJob, recipient: Recipient, *, demands_worker: bool) -> QueuedJob:
        """Completes the submit even if the caller is cancelled, because only then it is known which job to leave."""
        if self.waiters.is_draining:
            raise UnavailableError(ErrorCode.SHUTTING_DOWN, "This gateway is shutting down; send the request again.")
        submit = self.submitter.submit(job, demands_worker=demands_worker)
        submitting = self.background.start(submit, name=f"submit {job.id}")
        try:
            answer = await asyncio.shield(submitting)
        except asyncio.CancelledError:
            submitting.add_done_callback(partial(_leave_submitted, recipient))
            raise
        if isinstance(answer, ProductError):
            raise answer
        logs.add(job_id=answer.job.id)
        trace.get_current_span().set_attribute(spans.JOB_ID, answer.job.id)
        return answer


def _leave_submitted(recipient: Recipient, submitting: asyncio.Task[QueuedJob | ProductError]) -> None:
    """Leaves the submitted job. If the outcome is not known, leaves the job of the recipient's own id."""
    answer = None if submitting.cancelled() or submitting.exception() else submitting.result()
    job_id = answer.job.id if isinstance(answer, QueuedJob) else recipient.job_id
    replace(recipient, job_id=job_id).leave()
