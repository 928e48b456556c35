"""Every state transition of a job, and every read of one.

    queued  → running | cancelled | expired
    running → succeeded | failed | timed_out | cancelled | lost
    running → queued once, for a read whose worker was lost

Each transition is one Lua script. While a job runs, each carries the attempt's fencing token, so that a worker that has
lost its lease cannot write. A finished job never changes again. Where Redis has replicas, one of them has what a caller
is told before the caller is told it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis.asyncio import Redis

from shared import metrics
from shared.models import JobId, JobState, Lane
from shared.redis.replicas import Replicas
from shared.store import key_names, record, submits
from shared.store.attempts import (
    Attempt,
    Claim,
    Ending,
    Renewal,
    Renewals,
    SealedEvent,
    UnacknowledgedClaimsError,
    UnknownServer,
)
from shared.store.record import JobRecord
from shared.store.scripts import NotAcknowledgedError, Scripts
from shared.store.submits import Accepted, Busy, NewJob, Same, SubmitRefusal

LEASE_MS = 6_000
"""Milliseconds without a renewal after which a worker has lost its jobs; three renewals fit in."""
RENEWAL_INTERVAL_S = 2.0
READ_ATTEMPTS = 2
"""Attempts of a read whose worker was lost. Other commands are never started again."""
SWEEP_LIMIT = 100
FOLLOWERS_S = 86_400
"""Seconds after which a gateway is told no more of a job that it follows; longer than any job runs."""
ANY_TIME_MS = 2**53
"""A time beyond every clock, in milliseconds, that is still exact in Lua."""


class CancelScope(StrEnum):
    ANY = "any"
    QUEUED = "queued"
    """Only a job that no worker has claimed."""


class Delivered(StrEnum):
    """The answer that a call has received when it ends."""

    RESULT = "result"
    ID = "id"
    """The job's id, to ask for the result later."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A record with its sealed response, once there is one."""

    record: JobRecord
    response: bytes | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Values that change when a job prints output or changes its state. `state` is None if the job is unknown."""

    state: bytes | None
    events: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one pass of the sweeper saw and how many jobs it changed. Its time is in milliseconds by Redis' clock."""

    at_ms: int
    server: str
    """The server's replication id, which a failover and a restart change; empty if there were no jobs."""
    expired: int
    lost: int
    again: int
    """Reads whose worker was lost and that were queued again."""


class JobStore:
    """Jobs in Redis. Methods raise redis-py's errors if Redis is not available."""

    def __init__(self, redis: Redis, replicas: Replicas | None = None) -> None:
        self._redis = redis
        self._scripts = Scripts(redis, replicas)

    async def submit(
        self, job: NewJob, *, demands_worker: bool, queue_limit: int, watcher: str = "", output_budget_bytes: int = 0
    ) -> Accepted | Same | Busy | SubmitRefusal:
        """Queues a job. A repeated submit of the same id and request returns the first one's `Accepted` again.

        Notices of the job's end go to the gateway `watcher`. With a budget the job is refused if all sealed requests,
        events and responses together would exceed it. Raises `NotAcknowledgedError` if no replica has the job.
        """
        try:
            answers = await self._submit(
                job, int(demands_worker), queue_limit, watcher=watcher, output_budget_bytes=output_budget_bytes
            )
        except NotAcknowledgedError as error:
            if error.answers[-1][0] in submits.QUEUED_ANSWERS:
                raise
            answers = error.answers
        # The call itself was repeated, if its last answer is that the job was there already.
        return submits.read_answer(answers[0] if answers[-1][0] == b"repeated" else answers[-1])

    async def _submit(
        self, job: NewJob, demands_worker: int, queue_limit: int, *, watcher: str, output_budget_bytes: int
    ) -> Sequence[Any]:
        return await self._scripts.call_acknowledged(
            "submit",
            job.id,
            job.lane,
            job.tool,
            demands_worker,
            queue_limit,
            job.queue_wait_s * 1000,
            job.lifetime_s,
            watcher,
            job.request,
            job.fingerprint,
            job.owner,
            " ".join(job.exclusive),
            job.principal,
            job.principal_limit,
            " ".join(job.repeatable),
            job.share,
            output_budget_bytes,
            *("class", job.command_class),
            *("time_limit_s", str(job.time_limit_s)),
            *("retention_s", str(job.retention_s)),
            *("request_key", job.request_key),
            *("output_key", job.output_key),
        )

    async def take(
        self, lane: Lane, *, worker_id: str, tools: Sequence[str], most: int, fence: str, server: str
    ) -> list[Claim] | UnknownServer:
        """Takes up to `most` queued jobs of these tools, each under a lease, in the order of their callers' turns.

        `server` is the replication id of the server to which the worker has shown its fencing tokens. In the slow lane,
        which has all writes, raises `UnacknowledgedClaimsError` if no replica knows of the claims; give them back then.
        """
        call = self._scripts.call_acknowledged if lane is Lane.SLOW else self._scripts.call_unacknowledged
        try:
            answers = await call("take", lane, worker_id, fence, server, most, LEASE_MS, *tools)
        except NotAcknowledgedError as error:
            taken = [_claims(answer, fence) for answer in error.answers]
            if taken[-1] is None:  # that answer has changed nothing, and an earlier call may have taken jobs
                return UnknownServer.SHOW_TOKENS
            raise UnacknowledgedClaimsError({claim.attempt for claims in taken if claims for claim in claims}) from None
        *_, claims = (_claims(answer, fence) for answer in answers)  # the jobs that each of them ended are counted
        return UnknownServer.SHOW_TOKENS if claims is None else claims

    async def give_back(self, attempts: Collection[Attempt]) -> None:
        """Queues taken jobs again, or ends them if they were cancelled. Their commands must not have been started."""
        _count_ended(await self._scripts.call("give_back", *_pairs(attempts)))

    async def renew(self, attempts: Sequence[Attempt]) -> Renewals:
        """Shows the fencing tokens and extends the leases.

        A write whose claim the server does not know ends as lost.
        """
        server, answers, ended = await self._scripts.call("renew", LEASE_MS, *_pairs(attempts))
        _count_ended(ended)
        return Renewals(server.decode(), [Renewal(answer.decode()) for answer in answers])

    async def append(self, attempt: Attempt, events: Sequence[SealedEvent]) -> bool:
        """Adds events to the job's stream. Returns False if the attempt no longer holds the job."""
        [held] = await self._scripts.call_unacknowledged("append", attempt.job_id, attempt.fence, *_flat(events))
        return bool(held)

    async def note(self, attempt: Attempt, events: Sequence[SealedEvent], *, even_if_full: bool) -> bool:
        """Adds events as `append` does, and returns only when replicas that must know of them have acknowledged them.

        With `even_if_full` it exceeds Redis' `maxmemory` if need be. Raises `NotAcknowledgedError`.
        """
        name = "note" if even_if_full else "append"
        return bool((await self._scripts.call_acknowledged(name, attempt.job_id, attempt.fence, *_flat(events)))[-1])

    async def settle(self, attempt: Attempt, ending: Ending) -> bool:
        """Ends a running job. Returns False if the attempt no longer holds it. A repeated call changes nothing.

        Raises `NotAcknowledgedError` if no replica has the end; then no waiter was told.
        """
        answers = await self._told_acknowledged(
            "settle",
            attempt.job_id,
            attempt.fence,
            ending.state,
            ending.reason,
            ending.response,
            ending.progress,
            int(self._scripts.replicas.are_known_elsewhere),
            *_flat(ending.events),
        )
        return bool(answers[-1][0])

    async def cancel(self, job_id: JobId, *, reason: str, scope: CancelScope) -> JobState | None:
        """Ends a queued job at once, or asks the worker of a running one to end it.

        Returns the state before, or None if the job is unknown. Raises `NotAcknowledgedError` if no replica knows the
        end of a queued job, which might run after a failover then.
        """
        is_known_elsewhere = int(self._scripts.replicas.are_known_elsewhere)
        answers = await self._told_acknowledged("cancel", job_id, reason, scope, is_known_elsewhere)
        state = answers[0][0]
        return JobState(state.decode()) if state else None

    async def _told_acknowledged(self, name: str, job_id: JobId, *arguments: str | bytes | int) -> list[Any]:
        """Calls a script that may end a job, and tells waiters of the end after it is acknowledged."""
        try:
            answers = await self._scripts.call_acknowledged(name, job_id, *arguments)
        except NotAcknowledgedError as error:
            _count_ended([text for answer in error.answers for text in answer[-1]])
            raise
        _count_ended([text for answer in answers for text in answer[-1]])
        _, is_told, _ = answers[-1]
        if not is_told:
            await self._scripts.call("tell", job_id)
        return answers

    async def deliver(self, job_id: JobId, call: JobId | None, got: Delivered, *, reason: str = "") -> JobState | None:
        """Records the answer to a call. `call` is the id that the call's own job had or would have had.

        Without `call` it is a reader with the job's id. After delivery to all waiting calls, the same command starts
        a new job. With a `reason`, a queued job and a running read are cancelled, unless other calls wait for them or
        have their id. Returns the state before, or None if the job is unknown.
        """
        state, ended = await self._scripts.call("deliver", job_id, call or "", got, reason)
        _count_ended(ended)
        return JobState(state.decode()) if state else None

    async def sweep(self, *, settle_leases: bool, not_after_ms: int = ANY_TIME_MS) -> Sweep:
        """Expires, loses, restarts and repairs jobs that no worker takes care of.

        Leases are settled only up to `not_after_ms` by Redis' clock. A server that was paused first executes buffered
        commands, and a sweep among them may come before the renewals of live workers.
        """
        *seen, ended = await self._scripts.call(
            "sweep", not_after_ms if settle_leases else 0, SWEEP_LIMIT, READ_ATTEMPTS
        )
        at_ms, server, replicas, *rest = seen
        self._scripts.replicas.seen(replicas)
        sweep = Sweep(at_ms, server.decode(), *rest)
        metrics.JOB_RETRIES.inc(sweep.again)
        _count_ended(ended)
        return sweep

    async def watch(self, job_id: JobId, gateway_id: str) -> StoredJob | None:
        """Sends notices of the job's end to the gateway from now on. Returns the job, or None if it is unknown."""
        fields, response = await self._scripts.call("watch", job_id, gateway_id)
        return StoredJob(record.from_hash(job_id, _mapping(fields)), response) if fields else None

    async def follow(self, job_id: JobId, gateway_id: str) -> None:
        """Sends the job's id to the gateway whenever the job prints something or changes its state."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.sadd(key_names.FOLLOWERS + job_id, gateway_id)
            pipe.expire(key_names.FOLLOWERS + job_id, FOLLOWERS_S)
            await pipe.execute()

    async def unfollow(self, job_ids: Sequence[JobId], gateway_id: str) -> None:
        """Ends `follow` for these jobs."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.srem(key_names.FOLLOWERS + job_id, gateway_id)
            await pipe.execute()

    async def read(self, job_ids: Sequence[JobId]) -> list[StoredJob | None]:
        """Returns records and sealed responses in one round trip; None in place of an unknown job."""
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
        """Returns the sealed events with a sequence number above `after`, in order."""
        entries = await self._redis.xrange(key_names.EVENTS + job_id, min=f"({after}-0", count=limit)
        return [SealedEvent(int(entry.partition(b"-")[0]), fields[b"event"]) for entry, fields in entries]

    async def changes(self, job_id: JobId) -> dict[int, int]:
        """Returns the number of each change of the job, in order, with the number of the newest event about it."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(key_names.CHANGES + job_id)
            [found] = await pipe.execute()
        return dict(sorted((int(number), int(sequence)) for number, sequence in found.items()))

    async def events_at(self, job_id: JobId, sequences: Sequence[int]) -> list[SealedEvent]:
        """Returns the sealed events with these sequence numbers, in one round trip, without those that are gone."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for sequence in sequences:
                pipe.xrange(key_names.EVENTS + job_id, min=f"{sequence}-0", max=f"{sequence}-0")
            answers = await pipe.execute()
        found = zip(sequences, answers, strict=True)
        return [SealedEvent(sequence, entries[0][1][b"event"]) for sequence, entries in found if entries]

    async def progress(self, job_ids: Sequence[JobId]) -> list[Progress]:
        """Returns the progress of jobs in one round trip."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hget(key_names.JOB + job_id, "state")
                pipe.xlen(key_names.EVENTS + job_id)
            answers = await pipe.execute()
        return [Progress(*pair) for pair in zip(answers[::2], answers[1::2], strict=True)]

    async def newest_event(self, job_id: JobId) -> int:
        """Returns the highest stored sequence number, or 0 if there are no events."""
        entries = await self._redis.xrevrange(key_names.EVENTS + job_id, count=1)
        return int(entries[0][0].partition(b"-")[0]) if entries else 0


def _claims(answer: Sequence[Any], fence: str) -> list[Claim] | None:
    """Returns the claims of an answer of `take`; None if the server wants to see the worker's fencing tokens first."""
    if answer[0] == UnknownServer.SHOW_TOKENS.encode():
        return None
    _, jobs, ended = answer
    _count_ended(ended)
    claims = []
    for name, fields, request in jobs:
        job_id = JobId(name.decode())
        claims.append(Claim(Attempt(job_id, fence), record.from_hash(job_id, _mapping(fields)), request or b""))
    return claims


def _mapping(fields: Sequence[bytes]) -> Mapping[bytes, bytes]:
    return dict(zip(fields[::2], fields[1::2], strict=True))


def _pairs(attempts: Collection[Attempt]) -> list[str]:
    return [part for attempt in attempts for part in (attempt.job_id, attempt.fence)]


def _flat(events: Sequence[SealedEvent]) -> list[int | bytes]:
    return [part for event in events for part in (event.sequence, event.token, event.change)]


def _count_ended(ended: Sequence[bytes]) -> None:
    """Counts ended jobs. `ended` is a flat list of tool, class and end state of each job."""
    for tool, command_class, state in zip(ended[::3], ended[1::3], ended[2::3], strict=True):
        metrics.count_ended(tool.decode(), command_class.decode(), state.decode())
