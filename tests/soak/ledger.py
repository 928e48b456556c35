"""What is known of each job of a soak, from its caller's side."""

import enum
import time
from dataclasses import dataclass, field

from shared.models import Job, JobState
from tests.support.waiting import wait_until

REACH_TIMEOUT_S = 1_200.0


class Kind(enum.Enum):
    """What a job is, and how many of a hundred are of the kind."""

    NOOP = ("noop", "read", "", 45)
    READ = ("stub", "read", "end", 20)
    WRITE = ("stub", "write", "end", 30)
    SLOW = ("stub", "write", "pause=1", 5)
    HELD_READ = ("stub", "read", "hold", 0)
    HELD_WRITE = ("stub", "write", "hold", 0)

    def __init__(self, tool: str, verb: str, behaviour: str, share: int) -> None:
        self.tool, self.verb, self.behaviour, self.share = tool, verb, behaviour, share

    @property
    def is_counted(self) -> bool:
        """Whether its runs are counted; a static program that only ends cannot tell anybody."""
        return bool(self.behaviour)

    @property
    def is_held(self) -> bool:
        """Whether it runs until it is released."""
        return self.behaviour == "hold"

    @property
    def is_write(self) -> bool:
        return self.verb == "write"


@dataclass(slots=True)
class Entry:
    """One job, from its submit to its end."""

    mark: str
    kind: Kind
    job_id: str | None = None
    is_accepted: bool = False
    """Whether its caller was told so (202). One that got an id with a 503 was told that nobody knows."""
    is_unknown: bool = False
    """Whether a gateway answered that there is no such job."""
    state: JobState | None = None
    """The final one, once a caller was told."""
    said: str = ""
    """What came of it in words: output and error."""
    problem: str | None = None
    """An answer that should not have been."""
    ended_at: float | None = None
    """By the monotonic clock."""

    def end(self, job: Job) -> None:
        response = job.finished()
        self.said = f"{response.output!r} {response.error!r}"
        self.state, self.ended_at = job.state, time.monotonic()

    def fail(self, problem: str) -> None:
        self.problem, self.ended_at = problem, time.monotonic()


@dataclass(slots=True)
class Ledger:
    """All jobs of a soak. `run` is a word that the marks of its commands share, and no other process's."""

    run: str
    entries: list[Entry] = field(default_factory=list)
    refused: int = 0
    """Answers that said to come again: Redis was away, or the queue full."""
    on_killed_workers: set[str] = field(default_factory=set)
    """Ids of jobs that a worker ran when it was killed."""

    @property
    def ended(self) -> int:
        return sum(entry.ended_at is not None for entry in self.entries)

    async def reaches(self, ended: int) -> None:
        """Until so many jobs have ended."""
        await wait_until(lambda: self.ended >= ended, timeout_s=REACH_TIMEOUT_S)

    def open(self, kind: Kind) -> Entry:
        entry = Entry(f"{self.run}-{len(self.entries)}", kind)
        self.entries.append(entry)
        return entry
