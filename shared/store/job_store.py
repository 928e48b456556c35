"""Every state transition of a job, and every read of one.

    queued  → running | cancelled | expired
    running → succeeded | failed | timed_out | cancelled | lost
    running → queued once, for a read whose worker was lost

Each transition is one Lua script, and while a job runs each carries the attempt's fencing token: whoever lost the
lease writes nothing. A finished job never changes again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from redis.asyncio import Redis

from shared import metrics
from shared.models import CommandClass, JobId, JobState, Lane
from shared.store import key_names, record, wire
from shared.store.record import JobRecord
from shared.store.scripts import Scripts

LEASE_MS = 6_000
"""A worker that is silent for so long has lost its jobs; three renewals fit in."""
RENEWAL_INTERVAL_S = 2.0
ARQ_IN_PROGRESS_MS = 86_400_000
"""arq's own mark must outlive the longest run: arq fails a job that still runs when the mark ends."""
PICK_UP_LIMIT_MS = 10_000
"""Between arq's pick-up and our claim lie milliseconds; a worker that needs so long has died."""
READ_ATTEMPTS = 2
"""A read whose worker was lost is begun once more; anything else never."""
SWEEP_LIMIT = 100
ANY_TIME_MS = 2**53
"""Beyond every clock, and still exact in Lua."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job as it is submitted. Times in seconds; `request` and the keys are sealed."""

    id: JobId
    principal: str
    tool: str
    command_class: CommandClass
    lane: Lane
    time_limit_s: float
    queue_wait_s: int
    retention_s: int
    request: bytes
    request_key: bytes
    output_key: bytes
    fingerprint: str = ""
    """Of the request, where its id does not come from chance."""
    owner: str = ""
    """Keyed hash of who may be told of it by what it changes."""
    principal_limit: int = 0
    """Most jobs of the principal that are queued or run; 0 for any number."""
    repeatable: tuple[str, ...] = ()
    """Keyed hashes of what makes another submit the same command, which is this job while nobody got its result."""
    exclusive: tuple[str, ...] = ()
    """Keyed hashes of what no other job may change while it is queued or runs."""

    @property
    def lifetime_s(self) -> int:
        """How long its keys live when nobody ever ends it."""
        return int(self.queue_wait_s + self.time_limit_s + self.retention_s) + 60


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job is in the queue, since `created_at` by Redis' clock; or was, where it `is_repeated`."""

    created_at: datetime
    is_repeated: bool = field(default=False, compare=False)
    """It was there already."""


@dataclass(frozen=True, slots=True)
class Same:
    """The same command is there already, as another job whose result nobody got yet."""

    job_id: JobId
    created_at: datetime
    state: JobState


@dataclass(frozen=True, slots=True)
class Busy:
    """Another job changes the same; its id where the owner is the same."""

    holder: JobId | None


class SubmitRefusal(StrEnum):
    NO_WORKER = "no-worker"
    QUEUE_FULL = "queue-full"
    PRINCIPAL_FULL = "principal-full"
    CONFLICT = "conflict"
    """The id is that of another request."""


class ClaimRefusal(StrEnum):
    GONE = "gone"
    TAKEN = "taken"
    EXPIRED = "expired"


class CancelScope(StrEnum):
    ANY = "any"
    QUEUED = "queued"
    """Only what nobody has begun with."""


class Delivered(StrEnum):
    """What a call has got when it ends."""

    RESULT = "result"
    ID = "id"
    """The job's id, to ask for the result later."""
    NOTHING = "nothing"


class Renewal(StrEnum):
    HELD = "held"
    CANCEL = "cancel"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt's right to run a job: every write shows its fencing token."""

    job_id: JobId
    fence: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed job with its sealed request, empty if Redis no longer has it."""

    attempt: Attempt
    record: JobRecord
    request: bytes


@dataclass(frozen=True, slots=True)
class SealedEvent:
    sequence: int
    token: bytes


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended: the final state, why if no process ended by itself, the response, the last events."""

    state: JobState
    reason: str
    response: bytes
    events: Sequence[SealedEvent] = ()


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A record with its sealed response, once there is one."""

    record: JobRecord
    response: bytes | None


@dataclass(frozen=True, slots=True)
class Progress:
    """What changes whenever a job prints something or changes its state; without a state there is no such job."""

    state: bytes | None
    events: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one pass of the sweeper did, and Redis' own time of it in milliseconds."""

    at_ms: int
    expired: int
    lost: int
    repaired: int
    again: int = 0
    """Reads whose worker was lost, in the queue once more."""


class JobStore:
    """Jobs in Redis. Any method raises redis-py's errors when Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._scripts = Scripts(redis)

    async def submit(
        self, job: NewJob, *, demands_worker: bool, queue_limit: int
    ) -> Accepted | Same | Busy | SubmitRefusal:
        """Queues a job; the same id again is `Accepted` as it was before, if it is the same request."""
        answer, *rest = await self._scripts.call(
            "submit",
            job.id,
            job.lane,
            job.tool,
            int(demands_worker),
            queue_limit,
            job.queue_wait_s * 1000,
            job.lifetime_s,
            wire.arq_job(job.id),
            job.request,
            job.fingerprint,
            job.owner,
            " ".join(job.exclusive),
            job.principal,
            job.principal_limit,
            " ".join(job.repeatable),
            *wire.record_fields(
                {
                    "class": job.command_class,
                    "time_limit_s": str(job.time_limit_s),
                    "retention_s": str(job.retention_s),
                    "request_key": job.request_key,
                    "output_key": job.output_key,
                }
            ),
        )
        if answer == b"busy":
            return Busy(JobId(rest[0].decode()) if rest[0] else None)
        if not rest:
            return SubmitRefusal(answer.decode())
        if answer == b"same":
            created_at, job_id, state = rest
            return Same(JobId(job_id.decode()), record.moment(created_at), JobState(state.decode()))
        return Accepted(record.moment(*rest), is_repeated=answer == b"repeated")

    async def pick(
        self, lane: Lane, job_ids: Sequence[bytes], *, tools: Sequence[str], limit: int
    ) -> list[tuple[JobId, int]]:
        """Marks up to `limit` of the ids as picked up in arq's queue, for a worker that has these tools.

        Answers with those that nobody else had, and with their scores.
        """
        answer = await self._scripts.call("pick", lane, limit, ARQ_IN_PROGRESS_MS, len(tools), *tools, *job_ids)
        return [
            (JobId(job_id.decode()), int(float(score))) for job_id, score in zip(answer[::2], answer[1::2], strict=True)
        ]

    async def claim(self, attempt: Attempt, *, worker_id: str) -> Claim | ClaimRefusal:
        """Takes a queued job that was picked for one attempt, under a lease."""
        answer = await self._scripts.call("claim", attempt.job_id, worker_id, attempt.fence, LEASE_MS)
        if answer[0] != b"claimed":
            _count_ended(answer[1])
            return ClaimRefusal(answer[0].decode())
        fields = dict(zip(answer[1][::2], answer[1][1::2], strict=True))
        return Claim(attempt, record.from_hash(attempt.job_id, fields), answer[2] or b"")

    async def renew(self, attempts: Sequence[Attempt]) -> list[Renewal]:
        """Extends the leases; one answer per attempt, in order."""
        pairs = [part for attempt in attempts for part in (attempt.job_id, attempt.fence)]
        answers = await self._scripts.call("renew", LEASE_MS, *pairs)
        return [Renewal(answer.decode()) for answer in answers]

    async def append(self, attempt: Attempt, events: Sequence[SealedEvent]) -> bool:
        """Adds events to the job's stream; False when the attempt no longer holds the job."""
        return bool(await self._scripts.call("append", attempt.job_id, attempt.fence, *_flat(events)))

    async def settle(self, attempt: Attempt, ending: Ending) -> bool:
        """Ends a running job; False when the attempt no longer holds it. Asking twice changes nothing."""
        settled, ended = await self._scripts.call(
            "settle",
            attempt.job_id,
            attempt.fence,
            ending.state,
            ending.reason,
            ending.response,
            *_flat(ending.events),
        )
        _count_ended(ended)
        return bool(settled)

    async def cancel(self, job_id: JobId, *, reason: str, scope: CancelScope) -> JobState | None:
        """Ends a queued job at once and asks a running one's worker to; the state before, None if unknown."""
        state, ended = await self._scripts.call("cancel", job_id, reason, scope)
        _count_ended(ended)
        return JobState(state.decode()) if state else None

    async def deliver(self, job_id: JobId, call: JobId | None, got: Delivered, *, reason: str = "") -> JobState | None:
        """Says what a call ends with, named by the id that its own job has or would have had.

        Without a name it is one that asks by the job's id. Once all that waited for the result have got it, the same
        command again is another run. With a reason, a queued job and a running read end unless others wait for them or
        have their id. The state before; None if there is no such job.
        """
        state, ended = await self._scripts.call("deliver", job_id, call or "", got, reason)
        _count_ended(ended)
        return JobState(state.decode()) if state else None

    async def sweep(self, *, settle_leases: bool, not_after_ms: int = ANY_TIME_MS) -> Sweep:
        """Expires, loses, begins again and repairs what no worker will.

        Leases are settled only up to `not_after_ms` by Redis' own clock: a server that stood still first does what
        waits in its buffers, and a sweep may stand there before the renewals of living workers.
        """
        settle_until_ms = not_after_ms if settle_leases else 0
        *counts, ended = await self._scripts.call(
            "sweep",
            settle_until_ms,
            SWEEP_LIMIT,
            PICK_UP_LIMIT_MS,
            ARQ_IN_PROGRESS_MS,
            READ_ATTEMPTS,
            wire.arq_job(JobId("{id}")),
            *Lane,
        )
        sweep = Sweep(*counts)
        metrics.JOB_RETRIES.inc(sweep.again)
        _count_ended(ended)
        return sweep

    async def tidy(self, job_id: JobId, lane: Lane) -> None:
        """Forgets what arq keeps of a job whose run is over; not of one that is queued again."""
        await self._scripts.call("tidy", job_id, lane)

    async def read(self, job_ids: Sequence[JobId]) -> list[StoredJob | None]:
        """Records and sealed responses in one round trip; None for an unknown job."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hgetall(key_names.JOB + job_id)
                pipe.get(key_names.RESPONSE + job_id)
            answers = await pipe.execute()
        return [
            StoredJob(record.from_hash(job_id, fields), response) if fields else None
            for job_id, fields, response in zip(job_ids, answers[::2], answers[1::2], strict=True)
        ]

    async def events(self, job_id: JobId, *, after: int = 0, limit: int | None = None) -> list[SealedEvent]:
        """The sealed events with a sequence number above `after`, in order."""
        entries = await self._redis.xrange(key_names.EVENTS + job_id, min=f"({after}-0", count=limit)
        return [SealedEvent(int(entry.partition(b"-")[0]), fields[b"event"]) for entry, fields in entries]

    async def progress(self, job_ids: Sequence[JobId]) -> list[Progress]:
        """How far jobs are, in one round trip."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hget(key_names.JOB + job_id, "state")
                pipe.xlen(key_names.EVENTS + job_id)
            answers = await pipe.execute()
        return [Progress(*pair) for pair in zip(answers[::2], answers[1::2], strict=True)]

    async def newest_event(self, job_id: JobId) -> int:
        """The highest sequence number that is stored; 0 where nothing is."""
        entries = await self._redis.xrevrange(key_names.EVENTS + job_id, count=1)
        return int(entries[0][0].partition(b"-")[0]) if entries else 0


def _flat(events: Sequence[SealedEvent]) -> list[int | bytes]:
    return [part for event in events for part in (event.sequence, event.token)]


def _count_ended(ended: Sequence[bytes]) -> None:
    """Of each job its tool, its class and its end state, one after the other."""
    for tool, command_class, state in zip(ended[::3], ended[1::3], ended[2::3], strict=True):
        metrics.count_ended(tool.decode(), command_class.decode(), state.decode())
