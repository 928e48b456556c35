"""The messages between worker, launcher and child: one JSON object in each packet.

Descriptors travel beside a packet (see `channel`); a message only says how many belong to each stage.
Nothing here judges a command: what arrives is executed as it is.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PortRange = tuple[int, int]
"""The first port and the last."""


class ProtocolError(Exception):
    """A packet that the other side cannot have meant."""


@dataclass(frozen=True, slots=True)
class SandboxRules:
    """What a stage may touch; everything else is denied. Missing paths are skipped.

    `write` gives a directory every right beneath it but executing and making devices, a file read and write.
    `connect_ports=None` leaves TCP connect unrestricted; what is in `own_ranges` it may listen on and connect to;
    `alone` denies children and sockets of every kind.
    """

    execute: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    connect_ports: tuple[int, ...] | None = ()
    bind_ports: tuple[int, ...] = ()
    own_ranges: tuple[PortRange, ...] = ()
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    file_size_bytes: int
    open_files: int
    cpu_s: int
    core_bytes: int = 0
    memory_bytes: int | None = None
    """Private memory that can be written to; where the system counts it (Linux)."""


@dataclass(frozen=True, slots=True)
class StageSpec:
    """Worker to child: become this. `argv` with the program's name, absolute paths, the whole environment.

    The packet's descriptors become 0, 1, 2, 3… in this order.
    """

    executable: str
    argv: tuple[str, ...]
    environment: dict[str, str]
    working_directory: str
    sandbox: SandboxRules | None
    limits: Limits


@dataclass(frozen=True, slots=True)
class StageExit:
    """How a stage ended: `exit_code` or `signal`, never both.

    `started` is false where the program surely never ran, and `error` then says why. CPU time and memory
    include what the child used before it became the program (some ms, some MB).
    """

    exit_code: int | None
    signal: int | None
    started: bool = True
    error: str | None = None
    cpu_s: float = 0.0
    max_rss_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ForkRequest:
    """Worker to launcher: make that many children, to wait for a StageSpec each."""

    count: int


@dataclass(frozen=True, slots=True)
class SignalRequest:
    """Worker to launcher: signal that child's process group, if it still lives."""

    child: int
    signal: int


@dataclass(frozen=True, slots=True)
class ChildForked:
    """Launcher to worker, with one descriptor: the child's control channel, which takes the StageSpec.

    `child` is a number that is never used twice; `pid` is that of a process group of its own.
    """

    child: int
    pid: int


@dataclass(frozen=True, slots=True)
class ForkFailed:
    """Launcher to worker: one of the children asked for could not be made."""

    reason: str


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """Launcher to worker: the child and the rest of its process group are gone."""

    child: int
    exit: StageExit


Message = StageSpec | ForkRequest | SignalRequest | ChildForked | ForkFailed | ChildEnded


def encode(message: Message) -> bytes:
    """Strings may hold lone surrogates (undecodable bytes of a path): they come back as they were."""
    return json.dumps({"kind": _KIND_OF[type(message)], **_fields(message)}, default=_fields).encode()


def decode(packet: bytes) -> Message:
    """Raises ProtocolError, or what a broken packet makes of itself: both ends are one program."""
    fields = json.loads(packet)
    decoder = _DECODERS.get(fields.pop("kind", None))
    if decoder is None:
        raise ProtocolError("a packet of unknown kind")
    return decoder(fields)


def _fields(value: Any) -> dict[str, Any]:
    # Not dataclasses.asdict: that copies deeply, and this runs on the path of every command.
    return {name: getattr(value, name) for name in value.__slots__}


def _stage_spec(fields: dict[str, Any]) -> StageSpec:
    sandbox = fields["sandbox"]
    return StageSpec(
        executable=fields["executable"],
        argv=tuple(fields["argv"]),
        environment=fields["environment"],
        working_directory=fields["working_directory"],
        sandbox=None if sandbox is None else _sandbox_rules(sandbox),
        limits=Limits(**fields["limits"]),
    )


def _sandbox_rules(fields: dict[str, Any]) -> SandboxRules:
    ports = fields["connect_ports"]
    return SandboxRules(
        execute=tuple(fields["execute"]),
        read=tuple(fields["read"]),
        write=tuple(fields["write"]),
        connect_ports=None if ports is None else tuple(ports),
        bind_ports=tuple(fields["bind_ports"]),
        own_ranges=tuple((first, last) for first, last in fields["own_ranges"]),
        alone=fields["alone"],
    )


def _child_ended(fields: dict[str, Any]) -> ChildEnded:
    return ChildEnded(fields["child"], StageExit(**fields["exit"]))


_KIND_OF: dict[type[Message], str] = {
    StageSpec: "stage",
    ForkRequest: "fork",
    SignalRequest: "signal",
    ChildForked: "forked",
    ForkFailed: "fork-failed",
    ChildEnded: "ended",
}
_DECODERS: dict[str | None, Callable[[dict[str, Any]], Message]] = {
    "stage": _stage_spec,
    "fork": lambda fields: ForkRequest(**fields),
    "signal": lambda fields: SignalRequest(**fields),
    "forked": lambda fields: ChildForked(**fields),
    "fork-failed": lambda fields: ForkFailed(**fields),
    "ended": _child_ended,
}
