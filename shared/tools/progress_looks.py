"""What a command waits for, as read-only commands that show it: while it waits in silence, its worker runs them.

They bring the same kubeconfig and run in the same sandbox; what they print is read by the worker and by nobody else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.command.reading import TERMINATOR, Flag, Reading
from shared.tools.class_rules import DRY_RUN
from shared.tools.table import HELP_FLAG

KUBECTL = "kubectl"
"""Shows objects of the cluster, whichever tool's command waits for them."""
NAMESPACE = "namespace"


class Goal(StrEnum):
    """When the command is content with an object."""

    READY = "ready"
    GONE = "gone"
    CONDITION = "condition"
    """That its status names, as `kubectl wait --for=condition=…` has it."""
    OTHER = "other"
    """Nothing that can be counted: only what hinders it is told."""


class Shows(StrEnum):
    """What a look prints."""

    OBJECTS = "objects"
    """JSON: one object, or a List of them."""
    MANIFESTS = "manifests"
    """YAML documents that name the objects."""
    APPLICATION = "application"
    """JSON of an Argo CD Application."""


@dataclass(frozen=True, slots=True)
class Look:
    """A read-only command: its tool, its verb, and all of its arguments."""

    tool: str
    verb: tuple[str, ...]
    arguments: tuple[str, ...]
    shows: Shows
    brings_files: bool = False
    """It reads the files and the input that came with the command."""


@dataclass(frozen=True, slots=True)
class ProgressLooks:
    """What a command waits for. `condition` is a status condition and the value that it is to have."""

    looks: tuple[Look, ...]
    goal: Goal
    condition: tuple[str, str] | None = None
    namespace: str | None = None
    """That of the command; None where its kubeconfig decides."""


def objects(operands: Sequence[str], selection: Iterable[str], *, brings_files: bool = False) -> Look:
    """Reads objects as `operands` and the flags of the `selection` choose them."""
    arguments = ("get", *_GET_OPTIONS, *selection, TERMINATOR, *operands)
    return Look(KUBECTL, ("get",), arguments, Shows.OBJECTS, brings_files)


def named_in_manifests(namespace: str | None) -> Look:
    """Reads the objects that the manifests on standard input name."""
    return Look(KUBECTL, ("get",), ("get", *_GET_OPTIONS, *in_namespace(namespace), "--filename=-"), Shows.OBJECTS)


def pods(namespace: str | None, selector: str) -> Look:
    """Reads the pods that a selector finds."""
    place = in_namespace(namespace)
    return Look(KUBECTL, ("get",), ("get", *_GET_OPTIONS, *place, f"--selector={selector}", "pods"), Shows.OBJECTS)


def in_namespace(name: str | None) -> tuple[str, ...]:
    """The argument that chooses it."""
    return (f"--namespace={name}",) if name else ()


def spelled(given: Iterable[Flag], wanted: frozenset[str]) -> tuple[str, ...]:
    """Those flags, each as one word."""
    return tuple(_spelled(flag) for flag in given if flag.name in wanted)


def only_tries(reading: Reading) -> bool:
    """Whether the command changes nothing, or only explains itself."""
    return reading.has(DRY_RUN, HELP_FLAG)


def _spelled(flag: Flag) -> str:
    dashes = "-" if len(flag.name) == 1 else "--"
    return f"{dashes}{flag.name}" if flag.written is None else f"{dashes}{flag.name}={flag.written}"


_GET_OPTIONS = ("--output=json", "--ignore-not-found")
