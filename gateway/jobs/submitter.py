"""Makes jobs of calls and puts them into the queue: some at a time, and again for a while when Redis goes away.

Each submit has a connection of its own. More of them at once would wait for one, and for the event loop, and take
that wait for an outage of Redis: a caller would be told that nobody knows whether its job runs. So a submit waits for
its turn first, and who does not get it is told that nothing was queued: nothing was sent.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import structlog
from opentelemetry.trace import SpanKind, Tracer

from gateway.intake.preparation import PreparedCall
from gateway.jobs import call_fingerprint, refusals, responses
from gateway.jobs.idempotency import Identity
from shared import metrics
from shared.errors import ProductError
from shared.models import Job, JobState
from shared.redis.redis_connection import UNAVAILABLE
from shared.sealing.fernet_keys import DataKey, JobIdentity, MasterKeys, Purpose
from shared.settings import GatewaySettings
from shared.store.job_store import Accepted, Busy, JobStore, NewJob, Same, SubmitRefusal
from shared.tracing import spans

SUBMITS_AT_ONCE = 32
"""More make a burst no shorter: Redis runs one script at a time."""
TURN_TIMEOUT_S = 5.0
"""A gateway that is so far behind would only tell later that it is."""
ATTEMPT_TIMEOUT_S = 5.0
"""A server that stands still takes the script and says nothing; a busy event loop reads the answer late."""
RETRY_S = 2.0
"""From the first failure on: restarts of Redis are shorter."""
RETRY_DELAY_S = 0.1

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class JobSealer:
    """Makes sealed jobs of prepared calls."""

    master_keys: MasterKeys
    settings: GatewaySettings
    tracer: Tracer

    @contextmanager
    def sealed(self, call: PreparedCall, chosen: Identity, *, joins: bool = False) -> Iterator[NewJob]:
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
        principal = call.caller.principal
        identity = JobIdentity(chosen.job_id, principal)
        request_key, output_key = DataKey.generate(identity), DataKey.generate(identity)
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
            output_key=output_key.wrap(self.master_keys, Purpose.OUTPUT_KEY),
            fingerprint=chosen.fingerprint,
            owner=self.master_keys.fingerprint("owner", principal, call.identity),
            principal_limit=self.settings.principal_job_limit,
            repeatable=tuple(call_fingerprint.names(self.master_keys, call)) if joins else (),
            exclusive=tuple(
                name for parts in call.exclusive for name in self.master_keys.fingerprints("exclusive", *parts)
            ),
        )


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job as it was accepted; one that `is_repeated` was so before, and may have ended."""

    job: Job
    is_repeated: bool
    joined: JobState | None = None
    """Of the job that another call submitted, and that this one joins: its state then."""


class Submitter:
    """Submits for one gateway process. `store` must have `SUBMITS_AT_ONCE` connections that nothing else uses."""

    def __init__(self, store: JobStore, *, queue_limit: int) -> None:
        self._store = store
        self._queue_limit = queue_limit
        self._turns = asyncio.Semaphore(SUBMITS_AT_ONCE)

    async def submit(self, job: NewJob, *, demands_worker: bool) -> QueuedJob | ProductError:
        """The queued job, or why it is not queued or not known to be."""
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
        """Asks again while Redis is away, for the same id twice is one job; None when it stays away."""
        clock = asyncio.get_running_loop().time
        give_up_at: float | None = None
        while give_up_at is None or clock() < give_up_at:
            try:
                async with asyncio.timeout_at(give_up_at or clock() + ATTEMPT_TIMEOUT_S):
                    return await self._store.submit(job, demands_worker=demands_worker, queue_limit=self._queue_limit)
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
    # An id that comes from chance is there already only where the answer to this very submit was lost.
    if answer.is_repeated and job.fingerprint:
        log.info("job submitted again", job_id=job.id)
        return QueuedJob(responses.queued(job, answer.created_at), is_repeated=True)
    metrics.JOBS_SUBMITTED.labels(tool=job.tool, command_class=job.command_class).inc()
    log.info("job submitted", job_id=job.id, tool=job.tool, command_class=job.command_class, lane=job.lane)
    return QueuedJob(responses.queued(job, answer.created_at), is_repeated=False)
