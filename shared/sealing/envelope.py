"""A command to run, and the envelope in which its request is sealed: what a worker needs, and nobody else may read."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.command.masking import Masking
from shared.models import CommandClass, Lane
from shared.network import endpoints
from shared.tools.progress_looks import ProgressLooks

ENVELOPE_VERSION: Literal[2] = 2
"""A worker runs no request of a version that it does not know: what it would leave out may be what matters."""

_CONFIG = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

Port = Annotated[int, Field(ge=1, le=endpoints.MAX_PORT)]


class Command(BaseModel):
    """What one process of a tool, and the filters behind it, need to run. Secrets stay out of `repr`.

    Nothing in a worker reads `arguments`: the other fields say what must be known of them.
    """

    model_config = _CONFIG

    tool: str
    arguments: Annotated[tuple[str, ...], Field(repr=False)]
    """Exactly what runs, without the tool's name."""
    filters: Annotated[tuple[tuple[str, ...], ...], Field(repr=False)] = ()
    """The stages behind it, each with its filter's name first."""
    verb: tuple[str, ...]
    kubeconfig: Annotated[str | None, Field(repr=False)] = None
    """Already rebuilt: minimal, self-contained, one context."""
    credentials: Annotated[dict[str, str], Field(repr=False)] = {}
    """Environment variable → value, for tools with a credential channel of their own."""
    stdin: Annotated[str | None, Field(repr=False)] = None
    files: Annotated[dict[str, str], Field(repr=False)] = {}
    """Relative path → text."""
    masking: Masking | None = None
    """What must be masked of what the tool prints; None where its output is shown as it is."""
    proxy_variables: tuple[str, ...] = ()
    """Those of the tool's own variables that must name the proxy, besides HTTPS_PROXY and HTTP_PROXY."""
    loopback_ports: tuple[Port, ...] = ()
    """The ports of its URLs on loopback, which the CLI reaches without a proxy."""
    listens: bool = False
    """It connects to a listener of its own on loopback, such as a tunnel to a pod."""


class RequestEnvelope(BaseModel):
    """What the gateway seals and a worker opens. Secrets stay out of `repr`."""

    model_config = _CONFIG

    version: Literal[2] = ENVELOPE_VERSION
    command: Command
    command_class: CommandClass
    lane: Lane
    """The record says both too, for the queue; what the class decides about a run is decided by this one."""
    time_limit_s: float
    queue_wait_s: int
    """With the time limit: how long after its sealing the request may be opened. The record says it too, and whoever
    writes to Redis can change what the record says."""
    is_endless: bool = False
    """It goes on until its time limit, which is then no failure."""
    progress_looks: Annotated[ProgressLooks | None, Field(repr=False)] = None
    """What it waits for, and how that is looked at."""
    traceparent: str | None = None
    """Of the span that submitted it, or of the caller's own: https://www.w3.org/TR/trace-context/"""
    tracestate: str | None = None

    @property
    def lifetime_s(self) -> int:
        """From its sealing: the job's longest wait and its longest run."""
        return int(self.queue_wait_s + self.time_limit_s)
