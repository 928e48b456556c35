"""Seals calls as jobs and queues them: a limited number at a time, with retries while Redis is not available.

Each submit has its own connection. If there were more submits than connections, a submit could mistake the wait for a
connection for an outage of Redis, and its caller would be told that the outcome is unknown. So a submit waits for its
turn first. A caller whose submit gets no turn is told that nothing was queued, because nothing was sent.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import structlog
from opentelemetry.trace import SpanKind, Tracer

from gateway.intake import call_fingerprint, shares
from gateway.intake.preparation import PreparedCall
from gateway.jobs import refusals, responses
from gateway.jobs.idempotency import Identity
from gateway.jobs.output_keys import OutputKeys
from shared import metrics
from shared.errors import ProductError
from shared.models import Job, JobState
from shared.redis.redis_connection import UNAVAILABLE
from shared.sealing.fernet_keys import DataKey, JobIdentity, MasterKeys, Purpose
from shared.settings import GatewaySettings
from shared.store.job_store import JobStore
from shared.store.submits import Accepted, Busy, NewJob, Same, SubmitRefusal
from shared.tracing import spans

SUBMITS_AT_ONCE = 32
"""Largest number of submits at the same time. More would not be faster, because Redis runs one script at a time."""
TURN_TIMEOUT_S = 5.0
"""Longest wait of a submit for its turn. After it, the caller is told that the gateway is busy."""
ATTEMPT_TIMEOUT_S = 5.0
"""Longest wait for Redis' answer: a server that hangs does not answer, and a busy event loop reads the answer late."""
RETRY_S = 2.0
"""Seconds of retries after the first failure. A restart of Redis takes less."""
RETRY_DELAY_S = 0.1

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class JobSealer:
    """Makes a sealed job from a prepared call."""

    master_keys: MasterKeys
    output_keys: OutputKeys
    settings: GatewaySettings
    tracer: Tracer

    @contextmanager
    def sealed(self, call: PreparedCall, chosen: Identity, *, joins: bool = False) -> Iterator[NewJob]:
        """Yields the call as a job, which the block submits. The worker's spans are children of this block's span."""
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
        principal = call.caller.principal
        identity = JobIdentity(chosen.job_id, principal)
        request_key = DataKey.generate(identity)
        return NewJob(
            id=chosen.job_id,
            principal=principal,
            tool=call.envelope.command.tool,
            command_class=call.envelope.command_class,
            lane=call.envelope.lane,
            time_limit_s=call.envelope.time_limit_s,
            queue_wait_s=call.envelope.queue_wait_s,
            retention_s=self.settings.retention_s,
            request=request_key.seal(call.envelope.model_dump_json().encode(), Purpose.REQUEST),
            request_key=request_key.wrap(self.master_keys, Purpose.REQUEST_KEY),
            output_key=self.output_keys.make(identity),
            fingerprint=chosen.fingerprint,
            share=self.master_keys.fingerprint("share", *shares.of(call)),
            owner=self.master_keys.fingerprint("owner", principal, call.identity),
            principal_limit=self.settings.principal_job_limit,
            repeatable=tuple(call_fingerprint.names(self.master_keys, call)) if joins else (),
            exclusive=tuple(
                name for parts in call.exclusive for name in self.master_keys.fingerprints("exclusive", *parts)
            ),
        )


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A queued job. If `is_repeated`, an earlier call has queued the job, which may have ended since."""

    job: Job
    is_repeated: bool
    joined: JobState | None = None
    """State of the job when this call joined it; None if this call did not join another call's job."""


class Submitter:
    """Submits jobs for one gateway process, which gets the notices of their ends.

    `store` must have `SUBMITS_AT_ONCE` connections of its own.
    """

    def __init__(self, store: JobStore, *, queue_limit: int, gateway_id: str, output_budget_bytes: int = 0) -> None:
        self._store = store
        self._gateway_id = gateway_id
        self._queue_limit = queue_limit
        self._output_budget_bytes = output_budget_bytes
        self._turns = asyncio.Semaphore(SUBMITS_AT_ONCE)

    async def submit(self, job: NewJob, *, demands_worker: bool) -> QueuedJob | ProductError:
        """Returns the queued job, or the error if it was not queued or the outcome is not known."""
        try:
            async with asyncio.timeout(TURN_TIMEOUT_S):
                await self._turns.acquire()
        except TimeoutError:
            return refusals.busy()
        try:
            answer = await self._until_answered(job, demands_worker=demands_worker)
        finally:
            self._turns.release()
        return refusals.unknown_outcome(job.id) if answer is None else _understood(job, answer)

    async def _until_answered(
        self, job: NewJob, *, demands_worker: bool
    ) -> Accepted | Same | Busy | SubmitRefusal | None:
        """Retries while Redis is not available or no replica has the job: submitting one id twice makes one job.

        Returns None if there is no answer.
        """
        clock = asyncio.get_running_loop().time
        give_up_at: float | None = None
        while give_up_at is None or clock() < give_up_at:
            try:
                async with asyncio.timeout_at(give_up_at or clock() + ATTEMPT_TIMEOUT_S):
                    return await self._store.submit(
                        job,
                        demands_worker=demands_worker,
                        queue_limit=self._queue_limit,
                        watcher=self._gateway_id,
                        output_budget_bytes=self._output_budget_bytes,
                    )
            except UNAVAILABLE:
                give_up_at = give_up_at or clock() + RETRY_S
                await asyncio.sleep(RETRY_DELAY_S)
        return None


def _understood(job: NewJob, answer: Accepted | Same | Busy | SubmitRefusal) -> QueuedJob | ProductError:
    if isinstance(answer, Busy):
        return refusals.release_busy(answer.holder)
    if isinstance(answer, SubmitRefusal):
        return refusals.not_queued(answer, job.tool)
    if isinstance(answer, Same):
        log.info("job joined", job_id=answer.job_id, tool=job.tool, state=answer.state)
        same = responses.queued(replace(job, id=answer.job_id), answer.created_at)
        return QueuedJob(same, is_repeated=True, joined=answer.state)
    # A random id exists already only if the answer to an earlier try of this submit was lost.
    if answer.is_repeated and job.fingerprint:
        log.info("job submitted again", job_id=job.id)
        return QueuedJob(responses.queued(job, answer.created_at), is_repeated=True)
    metrics.JOBS_SUBMITTED.labels(tool=job.tool, command_class=job.command_class).inc()
    log.info("job submitted", job_id=job.id, tool=job.tool, command_class=job.command_class, lane=job.lane)
    return QueuedJob(responses.queued(job, answer.created_at), is_repeated=False)
