"""Jobs for tests of the store: sealed values are stand-ins, for the store never opens them."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from shared.models import CommandClass, JobId, JobState, Lane
from shared.store import key_names
from shared.store.job_store import Accepted, Attempt, Claim, Ending, JobStore, NewJob, SealedEvent, StoredJob

WORKER_ID = "worker-1"
TOOL = "kubectl"
"""Of a job that names none."""
QUEUE_LIMIT = 1_000
REQUEST = b"sealed request"
RESPONSE = b"sealed response"
RETENTION_S = 3_600
PAST_MS = 1
"""A moment long ago, as a score: tests move deadlines instead of waiting for them."""


def new_job_id() -> JobId:
    return JobId(secrets.token_hex(24))


def new_job(**changes: Any) -> NewJob:
    """A queued kubectl read, but for the changes."""
    fields: dict[str, Any] = {
        "id": new_job_id(),
        "principal": "anonymous",
        "tool": TOOL,
        "command_class": CommandClass.READ,
        "lane": Lane.FAST,
        "time_limit_s": 300.0,
        "queue_wait_s": 900,
        "retention_s": RETENTION_S,
        "request": REQUEST,
        "request_key": b"wrapped request key",
        "output_key": b"wrapped output key",
    }
    return NewJob(**{**fields, **changes})


def attempt_on(job_id: JobId) -> Attempt:
    return Attempt(job_id, secrets.token_hex(16))


def sealed_events(*sequences: int) -> list[SealedEvent]:
    return [SealedEvent(sequence, b"sealed event %d" % sequence) for sequence in sequences]


def ending(state: JobState = JobState.SUCCEEDED, *, reason: str = "", sequences: tuple[int, ...] = ()) -> Ending:
    return Ending(state, reason, RESPONSE, sealed_events(*sequences))


@dataclass(frozen=True, slots=True)
class Jobs:
    """The store with shorter words for what most tests begin with."""

    redis: Redis
    store: JobStore = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "store", JobStore(self.redis))

    async def queued(self, **changes: Any) -> JobId:
        job = new_job(**changes)
        answer = await self.store.submit(job, demands_worker=False, queue_limit=QUEUE_LIMIT)
        assert isinstance(answer, Accepted)
        return job.id

    async def running(self, **changes: Any) -> Attempt:
        attempt = attempt_on(await self.queued(**changes))
        await self.claimed(attempt)
        return attempt

    async def finished(self, state: JobState = JobState.SUCCEEDED, **changes: Any) -> Attempt:
        attempt = await self.running(**changes)
        assert await self.store.settle(attempt, ending(state))
        return attempt

    async def claimed(self, attempt: Attempt) -> Claim:
        claim = await self.store.claim(attempt, worker_id=WORKER_ID)
        assert isinstance(claim, Claim)
        return claim

    async def stored(self, job_id: JobId) -> StoredJob:
        [stored] = await self.store.read([job_id])
        assert stored is not None
        return stored

    async def state(self, job_id: JobId) -> JobState:
        return (await self.stored(job_id)).record.state

    async def wake_tokens(self, lane: Lane = Lane.FAST, tool: str = TOOL) -> list[str]:
        async with self.redis.pipeline() as pipe:
            pipe.lrange(key_names.wake(lane, tool), 0, -1)
            [tokens] = await pipe.execute()
        return [token.decode() for token in tokens]

    async def let_queue_wait_end(self, job_id: JobId) -> None:
        """As if the job had waited for longer than it may."""
        async with self.redis.pipeline() as pipe:
            pipe.hset(key_names.JOB + job_id, "queue_deadline", str(PAST_MS))
            pipe.zadd(key_names.QUEUED, {job_id: PAST_MS}, xx=True)
            await pipe.execute()

    async def let_lease_end(self, job_id: JobId) -> None:
        """As if its worker had been silent for longer than it may."""
        await self.redis.zadd(key_names.LEASES, {job_id: PAST_MS}, xx=True)
