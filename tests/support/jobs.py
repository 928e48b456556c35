"""Jobs for tests of the store: sealed values are stand-ins, for the store never opens them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from shared.models import CommandClass, JobId, JobState, Lane
from shared.store import key_names
from shared.store.attempts import Attempt, Claim, Ending, SealedEvent
from shared.store.job_store import JobStore, StoredJob
from shared.store.submits import Accepted, NewJob

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


async def taken(store: JobStore, redis: Redis, job_id: JobId, *, worker_id: str = WORKER_ID) -> Claim | None:
    """Takes this job before any other of its lane, as a worker that has its tool. None if it is not queued."""
    async with redis.pipeline() as pipe:
        pipe.hmget(key_names.JOB + job_id, ["lane", "tool"])
        [(lane, tool)] = await pipe.execute()
    if lane is None or await redis.zscore(key_names.QUEUE + lane.decode(), job_id) is None:
        return None
    await redis.zadd(key_names.QUEUE + lane.decode(), {job_id: -1}, xx=True)
    claims = await taken_from(store, Lane(lane.decode()), tools=[tool.decode()], most=1, worker_id=worker_id)
    return claims[0] if claims and claims[0].record.id == job_id else None


async def taken_from(
    store: JobStore, lane: Lane, *, tools: Sequence[str] = (TOOL,), most: int = 100, worker_id: str = WORKER_ID
) -> list[Claim]:
    """Takes queued jobs of a lane, in the order in which a worker gets them."""
    server = (await store.renew([])).server
    fence = secrets.token_hex(16)
    claims = await store.take(lane, worker_id=worker_id, tools=tools, most=most, fence=fence, server=server)
    assert isinstance(claims, list)
    return claims


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
        return (await self.claimed(await self.queued(**changes))).attempt

    async def finished(self, state: JobState = JobState.SUCCEEDED, **changes: Any) -> Attempt:
        attempt = await self.running(**changes)
        assert await self.store.settle(attempt, ending(state))
        return attempt

    async def claimed(self, job_id: JobId, *, worker_id: str = WORKER_ID) -> Claim:
        claim = await taken(self.store, self.redis, job_id, worker_id=worker_id)
        assert claim is not None
        return claim

    async def taken(self, lane: Lane = Lane.FAST, *, tools: Sequence[str] = (TOOL,), most: int = 100) -> list[JobId]:
        """Takes queued jobs as a worker with these tools. Returns their ids in the order of their turns."""
        return [claim.record.id for claim in await taken_from(self.store, lane, tools=tools, most=most)]

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
            for lane in Lane:
                pipe.zadd(key_names.QUEUED + lane, {job_id: PAST_MS}, xx=True)
            await pipe.execute()

    async def let_lease_end(self, job_id: JobId) -> None:
        """As if its worker had been silent for longer than it may."""
        await self.redis.zadd(key_names.LEASES, {job_id: PAST_MS}, xx=True)
