"""The events of a job's stream: what is sealed, stored, and later streamed to clients."""

import base64
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class EventKind(StrEnum):
    STDOUT = "stdout"
    STDERR = "stderr"
    PROGRESS = "progress"


ATTEMPT_SEQUENCES = 10**9
"""More events than any attempt stores. Each attempt's sequence numbers lie above those of the one before, so that they
only grow, none is sealed twice, and each says of which attempt it is."""


def last_before(attempt: int) -> int:
    """The sequence number before an attempt's first one; attempts are counted from 1."""
    return (attempt - 1) * ATTEMPT_SEQUENCES


def attempt_of(sequence: int) -> int:
    """The attempt that an event belongs to."""
    return (sequence - 1) // ATTEMPT_SEQUENCES + 1


class OutputEvent(BaseModel):
    """A chunk of output as the process wrote it: bytes, not text, for a chunk may end inside a character."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    kind: EventKind
    at_ms: int
    """Wall clock of the worker, milliseconds since the epoch."""
    data: Annotated[str, Field(repr=False)]
    """The bytes, in base64."""
    before: dict[EventKind, int] = {}
    """Bytes of each stream that come before this event; a stream that is not named has none."""
    progress: int = 0
    """Sequence number of the newest event of progress before this one; 0 where there is none."""

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
