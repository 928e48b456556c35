"""The messages between a worker and its door. Each packet is one JSON object.

The door parses what servers of the callers' choice send, so the worker trusts none of its packets: it checks each
field, and a packet that is not valid ends the door. Descriptors are sent beside a packet.
"""

import os
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from shared.changes import Change
from shared.effects import Effects

_CONFIG = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Access(BaseModel):
    """How the door reaches the cluster of one visit, and with which credential. Secrets stay out of `repr`."""

    model_config = _CONFIG

    pass_: Annotated[str, Field(repr=False)]
    """First segment of the paths that the command requests: 256 random bits."""
    principal: str
    server: str
    """URL of the server, with the path under which it is served."""
    authority: Annotated[str, Field(repr=False)] = ""
    """Certificates in PEM; empty for those of the system."""
    tls_server_name: str = ""
    skips_verification: bool = False
    token: Annotated[str, Field(repr=False)] = ""
    username: Annotated[str, Field(repr=False)] = ""
    password: Annotated[str, Field(repr=False)] = ""
    client_certificate: Annotated[str, Field(repr=False)] = ""
    client_key: Annotated[str, Field(repr=False)] = ""
    """Both in PEM."""
    headers: Annotated[tuple[tuple[str, str], ...], Field(repr=False)] = ()
    """Headers that every request gets besides the credential."""
    is_argo_cd: bool = False
    """Whether the server is that of Argo CD, which is called by grpc-web, instead of an API server of Kubernetes."""


class Admit(BaseModel):
    """Worker to door: a visit begins. The packet's descriptor is a file with an `Access` as JSON."""

    model_config = _CONFIG

    type: Literal["admit"] = "admit"
    visit: int
    """Number of the visit, which is never used twice."""
    effects: Effects
    """What the visit's requests may do."""
    reports_requests: bool = False
    """Whether the door reports each request of the visit (`Seen`)."""
    kinds: tuple[str, ...] | None = None
    """All names of kinds in the command, as it spells them. Discovery that knows each of them is served from memory.
    With None the server confirms what is remembered."""


class Admitted(BaseModel):
    """Door to worker: the pass is valid from now on."""

    model_config = _CONFIG

    type: Literal["admitted"] = "admitted"
    visit: int


class Dismiss(BaseModel):
    """Worker to door: the command has ended. The pass is invalid from now on, and its connections close."""

    model_config = _CONFIG

    type: Literal["dismiss"] = "dismiss"
    visit: int


class Dismissed(BaseModel):
    """Door to worker: nothing more comes about this visit."""

    model_config = _CONFIG

    type: Literal["dismissed"] = "dismissed"
    visit: int


class Dial(BaseModel):
    """Door to worker: connect to the server of this visit."""

    model_config = _CONFIG

    type: Literal["dial"] = "dial"
    dial: int
    visit: int


class Dialled(BaseModel):
    """Worker to door: the connected socket is the packet's descriptor, unless `error` says why there is none."""

    model_config = _CONFIG

    type: Literal["dialled"] = "dialled"
    dial: int
    error: str | None = None


class Intend(BaseModel):
    """Door to worker: note this change before its request is forwarded."""

    model_config = _CONFIG

    type: Literal["intend"] = "intend"
    visit: int
    change: Change


class Intended(BaseModel):
    """Worker to door: the change is noted, unless `refusal` says why its request must not be forwarded."""

    model_config = _CONFIG

    type: Literal["intended"] = "intended"
    visit: int
    number: int
    refusal: str | None = None


class Complete(BaseModel):
    """Door to worker: the outcome of a noted change."""

    model_config = _CONFIG

    type: Literal["complete"] = "complete"
    visit: int
    change: Change


class Refuse(BaseModel):
    """Door to worker: a request of the command was refused."""

    model_config = _CONFIG

    type: Literal["refuse"] = "refuse"
    visit: int
    rule: str
    text: str
    change: Change | None
    """The change that the request would have been; None if it would have changed nothing."""
    is_repeated: bool
    """Whether the command sends the same request again and again."""


class Seen(BaseModel):
    """Door to worker: a request of a visit.

    It comes when the head of an answer to a read has arrived, so that a watch is told while it runs, and when the
    answer to anything else is complete. A read without an answer is told when it breaks off.
    """

    model_config = _CONFIG

    type: Literal["seen"] = "seen"
    visit: int
    audit_id: str
    method: str
    verb: str
    is_resource: bool
    group: str
    version: str
    resource: str
    subresource: str
    namespace: str
    name: str
    """Empty for a collection. For a created object, the name that the server answered with."""
    path: str
    """The path on the server, without its query."""
    selectors: str
    """The parameters `labelSelector` and `fieldSelector` of the query, encoded; empty without them."""
    refused_by: str
    """The rule that refused it, so that it was not forwarded; empty if none did."""
    status: int | None
    """The status with which it was answered; None if the connection broke first."""


class Ask(BaseModel):
    """Worker to door: get this path from the server of the visit, with its credential."""

    model_config = _CONFIG

    type: Literal["ask"] = "ask"
    ask: int
    visit: int
    path: str
    """Path and query, for example `/api/v1/namespaces/x/pods?labelSelector=app%3Dweb`."""


class Answered(BaseModel):
    """Door to worker: the answer's body is a file, the packet's descriptor; there is none without a status."""

    model_config = _CONFIG

    type: Literal["answered"] = "answered"
    ask: int
    visit: int
    status: int | None = None


class Stranger(BaseModel):
    """Door to worker: requests came without the pass of a visit."""

    model_config = _CONFIG

    type: Literal["stranger"] = "stranger"
    count: Annotated[int, Field(gt=0, le=10**9)]
    """Number of such requests since the last message."""


ToDoor = Admit | Dismiss | Dialled | Intended | Ask
ToWorker = Admitted | Dismissed | Dial | Intend | Complete | Refuse | Seen | Answered | Stranger
_Kind = Field(discriminator="type")
_TO_DOOR: TypeAdapter[ToDoor] = TypeAdapter(Annotated[ToDoor, _Kind])
_TO_WORKER: TypeAdapter[ToWorker] = TypeAdapter(Annotated[ToWorker, _Kind])


def encode(message: ToDoor | ToWorker) -> bytes:
    """Returns the packet of a message."""
    return message.model_dump_json(by_alias=False).encode()


def memory_file(content: bytes) -> int:
    """Returns a descriptor at the start of a file without a name, for what may be too large for a packet."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("door")
    else:
        import tempfile  # noqa: PLC0415 - only systems without memfd_create need it

        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def decode_to_door(packet: bytes) -> ToDoor:
    """Raises `pydantic.ValidationError`."""
    return _TO_DOOR.validate_json(packet)


def decode_to_worker(packet: bytes) -> ToWorker:
    """Raises `pydantic.ValidationError`."""
    return _TO_WORKER.validate_json(packet)
