"""The messages between worker, launcher and child. Each packet is one value of `marshal`.

Both ends are the same program in the same interpreter, and no other program ever has an end of these channels: the
children's ends close at exec. JSON would load the regular expressions into the launcher. Descriptors are sent beside a
packet (see `channel`). Commands are not checked here: they are executed as they arrive.
"""

import marshal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PortRange = tuple[int, int]
"""The first and the last port of a range."""

PLAIN = 0
"""The kind of spares that have prepared nothing for a command."""

WORK = "work"
"""Name of the working directory in a spare's directory."""


class ProtocolError(Exception):
    """The packet is not valid in this protocol."""


@dataclass(frozen=True, slots=True)
class SandboxRules:
    """The files and ports that a stage may use. Everything else is denied. Missing paths are skipped.

    `write` gives a directory every right except executing files and making devices, and gives a file read and write.
    `connect_ports=None` leaves TCP connect unrestricted. The stage may listen on, and connect to, the ports of
    `own_ranges`. Without such ports and without `listens`, which is for Unix sockets, it cannot listen at all. `alone`
    denies child processes and sockets of every kind.
    """

    execute: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    connect_ports: tuple[int, ...] | None = ()
    bind_ports: tuple[int, ...] = ()
    own_ranges: tuple[PortRange, ...] = ()
    listens: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    file_size_bytes: int
    open_files: int
    cpu_s: int
    core_bytes: int = 0
    memory_bytes: int | None = None
    """Bytes of private, writable memory that the process may use. Only Linux enforces this.

    It does not hold Go programs, which reserve memory first and make it writable later.
    """
    address_space_bytes: int | None = None
    """Bytes of address space that the process may reserve. Only Linux enforces this."""


@dataclass(frozen=True, slots=True)
class StageSpec:
    """Worker to child: execute this program. Paths are absolute, `argv` includes the program's name.

    `environment` is the complete environment. The packet's descriptors become the numbers in `places`, in this order.
    """

    executable: str
    argv: tuple[str, ...]
    environment: dict[str, str]
    working_directory: str
    """The empty text stands for the directory in which the child waits."""
    sandbox: SandboxRules | None
    """For a child with an outfit: only the rules that it has not prepared."""
    limits: Limits
    places: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Outfit:
    """What the spares of one kind prepare, so that less is left to do when a command arrives.

    Each gets pipes for its output, and a directory in `directories` for its owner only, with a working directory.
    """

    directories: str
    sandbox: SandboxRules | None
    """Rules that every command of this kind has, besides writing in the spare's directory. They are not enforced before
    the command's own rules have been added."""

    def directory(self, child: int) -> str:
        """Returns the path of the directory that the spare with this number has."""
        return f"{self.directories}/job-{child}"


@dataclass(frozen=True, slots=True)
class Equipment:
    """Worker to launcher: the outfit of a kind of spares. It comes before the first ForkRequest of that kind."""

    kind: int
    outfit: Outfit


@dataclass(frozen=True, slots=True)
class StageExit:
    """How a stage ended. Either `exit_code` or `signal` is set, never both.

    `started` is false only if the program certainly never ran; then `error` gives the reason.
    """

    exit_code: int | None
    signal: int | None
    started: bool = True
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ForkRequest:
    """Worker to launcher: fork `count` children, each of which waits for a StageSpec."""

    count: int
    kind: int = PLAIN


@dataclass(frozen=True, slots=True)
class SignalRequest:
    """Worker to launcher: signal the child's process group, if it still lives."""

    child: int
    signal: int


@dataclass(frozen=True, slots=True)
class ChildForked:
    """Launcher to worker, with the descriptor of the child's control channel, to which the StageSpec is sent.

    From a child with an outfit, the reading ends of its standard output and standard error come too. `child` is a
    number that is never used twice. `pid` is also the id of the child's process group.
    """

    child: int
    pid: int
    kind: int = PLAIN


@dataclass(frozen=True, slots=True)
class ForkFailed:
    """Launcher to worker: one of the requested children could not be forked."""

    reason: str
    kind: int = PLAIN


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """Launcher to worker: the child and its whole process group have ended."""

    child: int
    exit: StageExit


Message = StageSpec | Equipment | ForkRequest | SignalRequest | ChildForked | ForkFailed | ChildEnded


def encode(message: Message) -> bytes:
    """Encodes a message. Lone surrogates in strings (undecodable bytes of a path) survive the round trip."""
    return marshal.dumps((_KIND_OF[type(message)], _fields(message)))


def decode(packet: bytes) -> Message:
    """Decodes a packet. Raises ProtocolError for an unknown kind; a malformed packet raises any error.

    Both ends are the same program, so malformed packets are not expected.
    """
    kind, fields = marshal.loads(packet)  # noqa: S302 - it comes from this program
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise ProtocolError("the packet has an unknown kind")
    return decoder(fields)


def _fields(value: Any) -> dict[str, Any]:
    # Not dataclasses.asdict, which makes deep copies: every command runs this code.
    return {name: _plain(getattr(value, name)) for name in value.__slots__}


def _plain(value: Any) -> Any:
    return _fields(value) if isinstance(value, _NESTED) else value


def _stage_spec(fields: dict[str, Any]) -> StageSpec:
    return StageSpec(**{**fields, "sandbox": _rules(fields["sandbox"]), "limits": Limits(**fields["limits"])})


def _equipment(fields: dict[str, Any]) -> Equipment:
    outfit = fields["outfit"]
    return Equipment(fields["kind"], Outfit(outfit["directories"], _rules(outfit["sandbox"])))


def _rules(fields: dict[str, Any] | None) -> SandboxRules | None:
    return None if fields is None else SandboxRules(**fields)


def _child_ended(fields: dict[str, Any]) -> ChildEnded:
    return ChildEnded(fields["child"], StageExit(**fields["exit"]))


_NESTED = (SandboxRules, Limits, StageExit, Outfit)
_KIND_OF: dict[type[Message], str] = {
    StageSpec: "stage",
    Equipment: "equipment",
    ForkRequest: "fork",
    SignalRequest: "signal",
    ChildForked: "forked",
    ForkFailed: "fork-failed",
    ChildEnded: "ended",
}
_DECODERS: dict[str | None, Callable[[dict[str, Any]], Message]] = {
    "stage": _stage_spec,
    "equipment": _equipment,
    "fork": lambda fields: ForkRequest(**fields),
    "signal": lambda fields: SignalRequest(**fields),
    "forked": lambda fields: ChildForked(**fields),
    "fork-failed": lambda fields: ForkFailed(**fields),
    "ended": _child_ended,
}
