"""A job's record in Redis. Nothing in it is secret except the wrapped keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.models import CommandClass, JobId, JobState, Lane
from shared.sealing.fernet_keys import JobIdentity


@dataclass(frozen=True, slots=True)
class JobRecord:
    """The record of one job. Times are aware UTC."""

    id: JobId
    principal: str
    tool: str
    command_class: CommandClass
    lane: Lane
    state: JobState
    created_at: datetime
    queue_deadline: datetime
    started_at: datetime | None
    ended_at: datetime | None
    time_limit_s: float
    attempt: int
    reason: str | None
    """Why the job ended, if its process did not end by itself."""
    cancel_reason: str | None
    progress: int | None
    """Sequence number of the newest progress event of an ended job, 0 if there is none; None if it is not known."""
    output_key: bytes
    request_key: bytes | None
    """The wrapped key of the request, or None after the job has ended."""

    @property
    def next_attempt(self) -> int:
        """Number, from 1, of the attempt that prints the job's output now or will do so next."""
        return self.attempt + 1 if self.state is JobState.QUEUED else max(1, self.attempt)

    @property
    def identity(self) -> JobIdentity:
        return JobIdentity(self.id, self.principal)


def moment(at_ms: int) -> datetime:
    """Converts a time from Redis, in milliseconds since the epoch."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


UNTOLD_S = 5.0
"""Seconds after which an end is shown although its worker has not said that replicas know it."""


def from_hash(job_id: JobId, fields: Mapping[bytes, bytes]) -> JobRecord:
    """Returns the record from the fields of its Redis hash.

    A job whose end is not yet known to replicas that must know it is shown as it was before its end.
    """
    if _is_untold(fields):
        before = JobState.RUNNING if b"started_at" in fields else JobState.QUEUED
        fields = {name: value for name, value in fields.items() if name not in (b"ended_at", b"reason", b"progress")}
        fields[b"state"] = before.encode()

    def text(name: str) -> str:
        return fields[name.encode()].decode()

    def optional(name: str) -> str | None:
        value = fields.get(name.encode())
        return value.decode() if value else None

    def optional_moment(name: str) -> datetime | None:
        value = optional(name)
        return moment(int(value)) if value else None

    return JobRecord(
        id=job_id,
        principal=text("principal"),
        tool=text("tool"),
        command_class=CommandClass(text("class")),
        lane=Lane(text("lane")),
        state=JobState(text("state")),
        created_at=moment(int(text("created_at"))),
        queue_deadline=moment(int(text("queue_deadline"))),
        started_at=optional_moment("started_at"),
        ended_at=optional_moment("ended_at"),
        time_limit_s=float(text("time_limit_s")),
        attempt=int(text("attempt")),
        reason=optional("reason"),
        cancel_reason=optional("cancel"),
        progress=int(found) if (found := optional("progress")) else None,
        output_key=fields[b"output_key"],
        request_key=fields.get(b"request_key"),
    )


def _is_untold(fields: Mapping[bytes, bytes]) -> bool:
    if b"untold" not in fields:
        return False
    return abs((datetime.now(UTC) - moment(int(fields[b"ended_at"]))).total_seconds()) < UNTOLD_S
