"""The events of a job's stream, which are sealed, stored and streamed to clients."""

import base64
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class EventKind(StrEnum):
    STDOUT = "stdout"
    STDERR = "stderr"
    PROGRESS = "progress"
    CHANGE = "change"
    """Content: a `shared.changes.Change` as JSON."""


ATTEMPT_SEQUENCES = 10**9
"""Sequence numbers reserved for each attempt, more than any attempt uses. So sequence numbers only grow, no number is
sealed twice, and each number tells its attempt."""


def last_before(attempt: int) -> int:
    """Returns the sequence number before the first one of an attempt. Attempts are counted from 1."""
    return (attempt - 1) * ATTEMPT_SEQUENCES


def attempt_of(sequence: int) -> int:
    """Returns the attempt that an event belongs to."""
    return (sequence - 1) // ATTEMPT_SEQUENCES + 1


class OutputEvent(BaseModel):
    """A chunk of output as the process wrote it, a report of progress, or a change.

    The content is bytes, because a chunk may end inside a character.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    kind: EventKind
    at_ms: int
    """Milliseconds since the epoch by the worker's wall clock."""
    data: Annotated[str, Field(repr=False)]
    """The content in base64."""
    before: dict[EventKind, int] = {}
    """Stream → number of its bytes before this event. Streams without bytes may be missing."""
    progress: int = 0
    """Sequence number of the newest progress event before this one, or 0 if there is none."""

    @classmethod
    def from_bytes(
        cls,
        kind: EventKind,
        at_ms: int,
        data: bytes,
        *,
        before: Mapping[EventKind, int] | None = None,
        progress: int = 0,
    ) -> "OutputEvent":
        encoded = base64.b64encode(data).decode()
        return cls(kind=kind, at_ms=at_ms, data=encoded, before=dict(before or {}), progress=progress)

    @property
    def content(self) -> bytes:
        return base64.b64decode(self.data)
