"""What a worker holds while it runs a job: the claim, the fencing token, the sealed events and the end."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.models import JobId, JobState
from shared.store.record import JobRecord
from shared.store.scripts import NotAcknowledgedError


class Renewal(StrEnum):
    HELD = "held"
    CANCEL = "cancel"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt's right to run a job. Every write carries its fencing token."""

    job_id: JobId
    fence: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed job with its sealed request, which is empty if Redis no longer has it."""

    attempt: Attempt
    record: JobRecord
    request: bytes


class UnknownServer(StrEnum):
    """Answer to a worker that wants jobs from a server to which it has not shown its fencing tokens."""

    SHOW_TOKENS = "unknown-server"


@dataclass(frozen=True, slots=True)
class Renewals:
    """Answers to shown fencing tokens, in their order, and the replication id of the server that gave them."""

    server: str
    answers: Sequence[Renewal]


@dataclass(frozen=True, slots=True)
class SealedEvent:
    sequence: int
    token: bytes
    change: int = 0
    """Number of the change that the event tells of; 0 for any other event. It is not sealed."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended. `reason` is empty if the process ended by itself. `events` are the last events."""

    state: JobState
    reason: str
    response: bytes
    events: Sequence[SealedEvent] = ()
    progress: int = 0
    """Sequence number of the newest progress event, or 0 if there is none."""


class UnacknowledgedClaimsError(NotAcknowledgedError):
    """No replica knows that a worker has taken these jobs."""

    def __init__(self, attempts: Collection[Attempt]) -> None:
        super().__init__(())
        self.attempts = attempts
