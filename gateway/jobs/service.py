"""What REST and MCP both call: submit a job, wait for it, read it, cancel it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace

import structlog
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Tracer

from gateway import store_calls
from gateway.background import Background
from gateway.http.disconnect import ClientGoneError
from gateway.intake.preparation import PreparedCall
from gateway.jobs import call_fingerprint, idempotency, refusals
from gateway.jobs.idempotency import Identity
from gateway.jobs.responses import JobText, ResponseReader
from gateway.jobs.submitter import QueuedJob, Submitter
from gateway.jobs.waiters import JobWaiters, NoEnd, Watch
from shared import logs
from shared.errors import ErrorCode, ProductError, RequestError, UnavailableError
from shared.models import JOB_ID_PATTERN, Job, JobId, JobState
from shared.redis.redis_connection import UNAVAILABLE
from shared.sealing import job_ids
from shared.sealing.fernet_keys import DataKey, JobIdentity, MasterKeys, Purpose
from shared.settings import GatewaySettings
from shared.store.job_store import CancelScope, JobStore, NewJob, StoredJob
from shared.tracing import spans

WAIT_MARGIN_S = 60
"""For ending a command that is out of time, and for settling the job of a worker that died with it."""
ABANDONED = "nobody waited for the command any more"
CANCELLED = "cancelled by request"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PendingJob:
    """A submitted job that its submitter waits for."""

    queued: Job
    """As it was when it was accepted."""
    longest_wait_s: float
    """By then it has ended, whether or not this gateway can see it."""
    call: JobId
    """Names the call: the id of the job that it submitted, or would have if there were none to join."""
    watch: Watch
    responses: ResponseReader
    joined: JobState | None = None
    """Of a job that an earlier call of the same command submitted: its state when this one joined it."""

    async def ended(self, timeout_s: float | None) -> Job | NoEnd | None:
        """The finished job, or why there is none; None when the time is over, if one was given."""
        end = await self.watch.ended(self.longest_wait_s if timeout_s is None else timeout_s)
        if end is None and timeout_s is None:
            return NoEnd.UNSEEN
        if not isinstance(end, StoredJob):
            return end
        async with store_calls.bounded(self.queued.id):
            return await self.responses.job(end)

    async def latest(self) -> Job:
        """The job as it stands, and as it was accepted while Redis is away: who is handed it must not send it again."""
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
    """Jobs of all callers of one gateway process."""

    store: JobStore
    submitter: Submitter
    waiters: JobWaiters
    master_keys: MasterKeys
    responses: ResponseReader
    settings: GatewaySettings
    background: Background
    """Owns what must go on when the request that began it is cancelled."""
    tracer: Tracer

    async def queue(self, call: PreparedCall, *, demands_worker: bool) -> Job:
        """Queues a job that its caller does not wait for. `UnavailableError` if it cannot be queued."""
        chosen = await self._identity(call)
        with self._submitting(call, chosen) as job:
            queued = await self._queued(job, demands_worker=demands_worker, gives_up=_is_given_up(call))
        return await self.read(queued.job.id, call.principal) if queued.is_repeated else queued.job

    @asynccontextmanager
    async def submitted(
        self, call: PreparedCall, *, demands_worker: bool, gives_up: bool = True, joins: bool = False
    ) -> AsyncIterator[PendingJob]:
        """Queues a job and watches it. `UnavailableError` if it cannot be queued.

        With `gives_up` the job is abandoned when the block is cancelled or its client goes, unless it has an
        idempotency key: who sends one will ask again, and wants the job that it has begun. With `joins` a command that
        is there already, and whose result nobody got, is that job.
        """
        gives_up = gives_up and _is_given_up(call)
        demanded_tool = call.envelope.command.tool if demands_worker else None
        chosen = await self._identity(call)
        async with AsyncExitStack() as watching:
            with self._submitting(call, chosen, joins=joins) as job:
                watch = await watching.enter_async_context(
                    self.waiters.watch(job.id, is_new=True, demanded_tool=demanded_tool)
                )
                queued = await self._queued(job, demands_worker=demands_worker, gives_up=gives_up)
            if queued.joined:
                watch = await watching.enter_async_context(self.waiters.watch(queued.job.id))
            watch.is_submitted = True
            if queued.is_repeated:
                self.waiters.look(queued.job.id)
            try:
                longest_wait_s = job.queue_wait_s + job.time_limit_s + WAIT_MARGIN_S
                yield PendingJob(queued.job, longest_wait_s, job.id, watch, self.responses, queued.joined)
            except (asyncio.CancelledError, ClientGoneError):
                self._leave(queued.job.id, job, gives_up=gives_up)
                raise
            except BaseException:
                self._leave(queued.job.id, job, gives_up=False)
                raise

    def missed(self, job_id: JobId, call: JobId) -> None:
        """The result that was delivered to the call did not reach its client: who repeats the command gets it."""
        self.background.start(self._left(job_id, call, reason=""), name=f"leave {job_id}")

    def _leave(self, job_id: JobId, job: NewJob, *, gives_up: bool) -> None:
        """Ends a call's wait; what nobody waits for may end: queued jobs and running reads, never a running write."""
        if (gives_up or job.repeatable) and not self.waiters.is_draining:
            left = self._left(job_id, job.id, reason=ABANDONED if gives_up else "")
            self.background.start(left, name=f"leave {job_id}")

    async def read(self, job_id: str, principal: str) -> Job:
        """The job as it stands. `RequestError` as for `find`."""
        return await self._described(await self.find(job_id, principal))

    async def wait(self, job_id: str, principal: str, wait_s: float) -> Job:
        """The job when it has ended, or as it stands after `wait_s`."""
        stored = await self.find(job_id, principal)
        if not stored.record.state.is_final and wait_s > 0:
            async with self.waiters.watch(stored.record.id) as watch:
                end = await watch.ended(wait_s)
            stored = end if isinstance(end, StoredJob) else await self.find(job_id, principal)
        return await self._described(stored)

    async def text(self, job_id: JobId) -> JobText:
        """What a job has printed so far."""
        async with store_calls.bounded(job_id):
            [stored] = await self.store.read([job_id])
            return await self.responses.text(stored.record) if stored else JobText()

    async def delivered(self, job: Job, call: JobId | None = None) -> None:
        """The job's result, if it has one, goes to that call, or to somebody who has the job's id.

        Once it has gone to all who waited for it, the same command again is another run.
        """
        if not job.state.is_final or job.command_class.changes_nothing:
            return
        with _noted("delivery not recorded", job.id):
            async with store_calls.bounded(job.id):
                await self.store.deliver(job.id, call)

    async def handed_over(self, job: Job, call: JobId) -> None:
        """The call ends with the job's id instead of its result."""
        if job.command_class.changes_nothing:
            return
        with _noted("hand-over not recorded", job.id):
            async with store_calls.bounded(job.id):
                await self.store.leave(job.id, call, has_id=True)

    async def cancel(self, job_id: str, principal: str) -> Job:
        """Cancels a job; one that has ended stays as it is. A running one ends soon after."""
        stored = await self.find(job_id, principal)
        async with store_calls.bounded(job_id):
            await self.store.cancel(stored.record.id, reason=CANCELLED, scope=CancelScope.ANY)
        return await self.read(job_id, principal)

    async def find(self, job_id: str, principal: str) -> StoredJob:
        """`RequestError` for an id that is none, is made up, belongs to somebody else, or whose record is gone."""
        unknown = RequestError(ErrorCode.JOB_UNKNOWN, "There is no such job, and never was: the id is wrong.")
        if not JOB_ID_PATTERN.fullmatch(job_id):
            raise unknown
        async with store_calls.bounded(job_id):
            [stored] = await self.store.read([JobId(job_id)])
        if stored is None and (issue := job_ids.issue_of(self.master_keys, JobId(job_id))):
            raise refusals.gone(issue, retention_s=self.settings.retention_s)
        if stored is None or stored.record.principal != principal:
            raise unknown
        logs.add(job_id=job_id)
        return stored

    async def _described(self, stored: StoredJob) -> Job:
        async with store_calls.bounded(stored.record.id):
            return await self.responses.job(stored)

    async def _queued(self, job: NewJob, *, demands_worker: bool, gives_up: bool) -> QueuedJob:
        """Runs the submit to its end even when cancelled: only after it is there something to abandon."""
        if self.waiters.is_draining:
            raise UnavailableError(ErrorCode.SHUTTING_DOWN, "This gateway is shutting down; send the request again.")
        submit = self.submitter.submit(job, demands_worker=demands_worker)
        submitting = self.background.start(submit, name=f"submit {job.id}")
        try:
            answer = await asyncio.shield(submitting)
        except asyncio.CancelledError:
            submitting.add_done_callback(lambda done: self._leave_submitted(done, job, gives_up=gives_up))
            raise
        if isinstance(answer, ProductError):
            raise answer
        logs.add(job_id=answer.job.id)
        trace.get_current_span().set_attribute(spans.JOB_ID, answer.job.id)
        return answer

    async def _identity(self, call: PreparedCall) -> Identity:
        if call.idempotency_key is None:
            return Identity(job_ids.new(self.master_keys), "")
        newest, *older = idempotency.identities(self.master_keys, call, call.idempotency_key)
        if older:
            async with store_calls.bounded():
                stored = await self.store.read([identity.job_id for identity in older])
            older = [identity for identity, job in zip(older, stored, strict=True) if job is not None]
        return older[0] if older else newest

    @contextmanager
    def _submitting(self, call: PreparedCall, chosen: Identity, *, joins: bool = False) -> Iterator[NewJob]:
        """The call as a job, which the block submits: the worker's spans belong to the one of this block."""
        attributes = {
            spans.TOOL: call.envelope.command.tool,
            spans.COMMAND_CLASS: call.envelope.command_class.value,
            spans.LANE: call.envelope.lane.value,
        }
        with spans.span(self.tracer, "submit", attributes, kind=SpanKind.PRODUCER) as span:
            if fields := spans.fields_of(span):
                call = replace(call, envelope=call.envelope.model_copy(update=fields))
            yield self._sealed(call, chosen, joins=joins)

    def _sealed(self, call: PreparedCall, chosen: Identity, *, joins: bool) -> NewJob:
        identity = JobIdentity(chosen.job_id, call.principal)
        request_key, output_key = DataKey.generate(identity), DataKey.generate(identity)
        return NewJob(
            id=chosen.job_id,
            principal=call.principal,
            tool=call.envelope.command.tool,
            command_class=call.envelope.command_class,
            lane=call.envelope.lane,
            time_limit_s=call.envelope.time_limit_s,
            queue_wait_s=call.envelope.queue_wait_s,
            retention_s=self.settings.retention_s,
            request=request_key.seal(call.envelope.model_dump_json().encode(), Purpose.REQUEST),
            request_key=request_key.wrap(self.master_keys, Purpose.REQUEST_KEY),
            output_key=output_key.wrap(self.master_keys, Purpose.OUTPUT_KEY),
            fingerprint=chosen.fingerprint,
            owner=self.master_keys.fingerprint("owner", call.principal, call.identity),
            principal_limit=self.settings.principal_job_limit,
            repeatable=tuple(call_fingerprint.names(self.master_keys, call)) if joins else (),
            exclusive=tuple(
                name for parts in call.exclusive for name in self.master_keys.fingerprints("exclusive", *parts)
            ),
        )

    def _leave_submitted(
        self, submitting: asyncio.Task[QueuedJob | ProductError], job: NewJob, *, gives_up: bool
    ) -> None:
        """Where the outcome is unknown, the job is there or it is not."""
        answer = None if submitting.cancelled() or submitting.exception() else submitting.result()
        self._leave(answer.job.id if isinstance(answer, QueuedJob) else job.id, job, gives_up=gives_up)

    async def _left(self, job_id: JobId, call: JobId, *, reason: str) -> None:
        try:
            state = await self.store.leave(job_id, call, reason=reason)
        except UNAVAILABLE as error:
            log.warning("end of a call not recorded", job_id=job_id, error=type(error).__name__)
        else:
            log.info("job abandoned" if reason else "call ended without the result", job_id=job_id, state=state)


@contextmanager
def _noted(event: str, job_id: str) -> Iterator[None]:
    """What an outage keeps from being recorded is no reason to keep the answer back."""
    try:
        yield
    except UnavailableError:
        log.warning(event, job_id=job_id)


def _is_given_up(call: PreparedCall) -> bool:
    return call.idempotency_key is None
