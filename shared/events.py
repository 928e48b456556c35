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

    @classmethod
    def from_bytes(
        cls, kind: EventKind, at_ms: int, data: bytes, *, before: Mapping[EventKind, int] | None = None
    ) -> "OutputEvent":
        return cls(kind=kind, at_ms=at_ms, data=base64.b64encode(data).decode(), before=dict(before or {}))

    @property
    def content(self) -> bytes:
        return base64.b64decode(self.data)
