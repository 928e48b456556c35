"""The sealed request: everything that a worker needs to run a command, and that nobody else may read."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from shared.command.masking import Masking
from shared.models import CommandClass

ENVELOPE_VERSION: Literal[1] = 1
"""A worker runs no request of a version that it does not know: what it would leave out may be what matters."""


class RequestEnvelope(BaseModel):
    """What the gateway seals and a worker opens. Secrets stay out of `repr`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    version: Literal[1] = ENVELOPE_VERSION
    tool: str
    arguments: Annotated[tuple[str, ...], Field(repr=False)]
    """Exactly what runs, without the tool's name."""
    filters: Annotated[tuple[tuple[str, ...], ...], Field(repr=False)] = ()
    """The stages behind it, each with its filter's name first."""
    verb: tuple[str, ...]
    command_class: CommandClass
    """The record says it too, for the queue; what it decides about a run is decided by this."""
    time_limit_s: float
    queue_wait_s: int
    """With the time limit: how long after its sealing the request may be opened. The record says it too, and whoever
    writes to Redis can change what the record says."""
    kubeconfig: Annotated[str | None, Field(repr=False)] = None
    """Already rebuilt: minimal, self-contained, one context."""
    credentials: Annotated[dict[str, str], Field(repr=False)] = {}
    """Environment variable → value, for tools with a credential channel of their own."""
    stdin: Annotated[str | None, Field(repr=False)] = None
    files: Annotated[dict[str, str], Field(repr=False)] = {}
    """Relative path → text."""
    is_endless: bool = False
    """It goes on until its time limit, which is then no failure."""
    masking: Masking | None = None
    """What must be masked of what the tool prints. Left out where nothing must: a worker that does not know the field
    runs such requests, and refuses every one that has it."""
    traceparent: str | None = None
    """Of the span that submitted it, or of the caller's own: https://www.w3.org/TR/trace-context/"""
    tracestate: str | None = None
    attempt: int = 1

    @model_serializer(mode="wrap")
    def _serialized(self, handler: SerializerFunctionWrapHandler) -> Mapping[str, Any]:
        fields: dict[str, Any] = handler(self)
        return {name: value for name, value in fields.items() if name != "masking" or value is not None}

    @property
    def lifetime_s(self) -> int:
        """From its sealing: the job's longest wait and its longest run."""
        return int(self.queue_wait_s + self.time_limit_s)
