"""What a submit takes and what it returns."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.models import CommandClass, JobId, JobState, Lane
from shared.store import record

QUEUED_ANSWERS = (b"accepted", b"repeated", b"same")
"""Answers to a submit that promise the caller a job."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to submit. `request` and the keys are sealed."""

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
    """Fingerprint of the request, if the job's id is not random."""
    share: str = ""
    """Whose turn it is when the job is taken: jobs with the same share wait for each other, others take turns."""
    owner: str = ""
    """Keyed hash of the caller. Another job's `Busy` refusal shows this job's id only to the same owner."""
    principal_limit: int = 0
    """Largest number of the principal's queued and running jobs; 0 means no limit."""
    repeatable: tuple[str, ...] = ()
    """Keyed hashes of the command. Another submit with one of them joins this job until its result is delivered."""
    exclusive: tuple[str, ...] = ()
    """Keyed hashes of the objects that no other job may change while this job is queued or runs."""

    @property
    def lifetime_s(self) -> int:
        """Seconds that the job's keys live if nothing ever ends the job."""
        return int(self.queue_wait_s + self.time_limit_s + self.retention_s) + 60


@dataclass(frozen=True, slots=True)
class Accepted:
    """The job was queued at `created_at` by Redis' clock."""

    created_at: datetime
    is_repeated: bool = field(default=False, compare=False)
    """Whether an earlier submit has queued it already."""


@dataclass(frozen=True, slots=True)
class Same:
    """Another job runs, or ran, the same command, and its result was not delivered yet."""

    job_id: JobId
    created_at: datetime
    state: JobState


@dataclass(frozen=True, slots=True)
class Busy:
    """Another job changes the same object. `holder` is its id if it has the same owner."""

    holder: JobId | None


class SubmitRefusal(StrEnum):
    NO_WORKER = "no-worker"
    WORKER_ENDED = "worker-ended"
    """There is no live worker with the tool, but there was one a short time ago, which may be restarting."""
    QUEUE_FULL = "queue-full"
    OUTPUT_FULL = "output-full"
    """All jobs together take as many bytes as they may."""
    PRINCIPAL_FULL = "principal-full"
    CONFLICT = "conflict"
    """The id belongs to another request."""


def read_answer(result: Sequence[Any]) -> Accepted | Same | Busy | SubmitRefusal:
    """Returns what an answer of `submit` means."""
    answer, *rest = result
    if answer == b"busy":
        return Busy(JobId(rest[0].decode()) if rest[0] else None)
    if not rest:
        return SubmitRefusal(answer.decode())
    if answer == b"same":
        created_at, job_id, state = rest
        return Same(JobId(job_id.decode()), record.moment(created_at), JobState(state.decode()))
    return Accepted(record.moment(*rest), is_repeated=answer == b"repeated")
