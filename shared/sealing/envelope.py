"""A command to run, and the sealed envelope that carries it. Only workers can read it; gateways write it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.command.masking import Masking
from shared.effects import Effects
from shared.models import CommandClass, Lane
from shared.network import endpoints
from shared.tools.awaited import Awaited
from shared.tools.own_server import OwnServer

ENVELOPE_VERSION: Literal[3] = 3
"""Version of the envelope. A worker refuses any other version, because it might ignore an important field."""

_CONFIG = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

Port = Annotated[int, Field(ge=1, le=endpoints.MAX_PORT)]


class Command(BaseModel):
    """Everything that one process of a tool and its filters need to run. Secrets stay out of `repr`.

    A worker never interprets `arguments`: the other fields contain all that it needs to know about them.
    """

    model_config = _CONFIG

    tool: str
    arguments: Annotated[tuple[str, ...], Field(repr=False)]
    """The exact arguments of the process, without the tool's name."""
    filters: Annotated[tuple[tuple[str, ...], ...], Field(repr=False)] = ()
    """The stages after the tool. Each one begins with the filter's name."""
    verb: tuple[str, ...]
    kubeconfig: Annotated[str | None, Field(repr=False)] = None
    """The kubeconfig as the gateway rebuilt it: minimal, self-contained, with one context."""
    credentials: Annotated[dict[str, str], Field(repr=False)] = {}
    """Variable → value, for tools that take credentials besides the kubeconfig. Their processes do not get them."""
    stdin: Annotated[str | None, Field(repr=False)] = None
    files: Annotated[dict[str, str], Field(repr=False)] = {}
    """Relative path → text of the caller's files."""
    masking: Masking | None = None
    """What to mask in the tool's output; None if the output is shown unchanged."""
    own_server: OwnServer | None = None
    """How the command reaches its tool's own server, which the credentials name; None if it works without one."""
    loopback_ports: tuple[Port, ...] = ()
    """Ports of the command's URLs on loopback, which the CLI reaches without a proxy."""
    needs_cluster: bool = False
    """Whether the command reaches the cluster of its kubeconfig. Without this, it gets no way there."""
    effects: Effects = Effects()
    """What the command's requests to the API server may do."""
    looked_up: tuple[str, ...] | None = None
    """The kinds that the command looks up at the API server, as it spells them; None if it may look up any. If all are
    known from earlier commands, the command gets what the API server said of its kinds then."""
    listens: bool = False
    """Whether the command connects to its own listener on loopback, such as a tunnel to a pod."""


class RequestEnvelope(BaseModel):
    """The sealed request, from the gateway to a worker. Secrets stay out of `repr`."""

    model_config = _CONFIG

    version: Literal[3] = ENVELOPE_VERSION
    command: Command
    command_class: CommandClass
    lane: Lane
    """Lane and class are also in the record, for the queue. Only the sealed ones decide how the command runs."""
    time_limit_s: float
    queue_wait_s: int
    """Longest wait in the queue, in seconds. It and the time limit decide how long the request may be opened. It is
    sealed because a writer of Redis can change the record."""
    is_endless: bool = False
    """Whether the command runs until its time limit, which then is not a failure."""
    awaited: Annotated[Awaited | None, Field(repr=False)] = None
    """What the command waits for."""
    traceparent: str | None = None
    """The trace context of the submitting span or of the caller's span: https://www.w3.org/TR/trace-context/"""
    tracestate: str | None = None

    @property
    def lifetime_s(self) -> int:
        """Seconds after the sealing in which the request may be opened: the job's longest wait and longest run."""
        return int(self.queue_wait_s + self.time_limit_s)
