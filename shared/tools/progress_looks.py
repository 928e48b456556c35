"""Looks: read-only commands that show the objects a command waits for. A worker runs them while the command is silent.

Looks use the command's kubeconfig and run in the same sandbox. Only the worker reads their output.
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
    """The state of an object that a command waits for."""

    READY = "ready"
    GONE = "gone"
    CONDITION = "condition"
    """The object has a status condition, as in `kubectl wait --for=condition=…`."""
    OTHER = "other"
    """Any other goal. Nothing is counted, and only problems are reported."""


class Shows(StrEnum):
    """The form of a look's output."""

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
    """Whether the look reads the files and the standard input that came with the command."""


@dataclass(frozen=True, slots=True)
class ProgressLooks:
    """The looks of a waiting command. `condition` is a status condition and its expected value."""

    looks: tuple[Look, ...]
    goal: Goal
    condition: tuple[str, str] | None = None
    namespace: str | None = None
    """Namespace of the command; None if its kubeconfig decides."""


def objects(operands: Sequence[str], selection: Iterable[str], *, brings_files: bool = False) -> Look:
    """Reads objects as `operands` and the flags of the `selection` choose them."""
    arguments = ("get", *_GET_OPTIONS, *selection, TERMINATOR, *operands)
    return Look(KUBECTL, ("get",), arguments, Shows.OBJECTS, brings_files)


def named_in_manifests(namespace: str | None) -> Look:
    """Returns a look at the objects in the manifests on standard input."""
    return Look(KUBECTL, ("get",), ("get", *_GET_OPTIONS, *in_namespace(namespace), "--filename=-"), Shows.OBJECTS)


def pods(namespace: str | None, selector: str) -> Look:
    """Returns a look at the pods that a selector finds."""
    place = in_namespace(namespace)
    return Look(KUBECTL, ("get",), ("get", *_GET_OPTIONS, *place, f"--selector={selector}", "pods"), Shows.OBJECTS)


def in_namespace(name: str | None) -> tuple[str, ...]:
    """Returns the argument that chooses a namespace, if there is one."""
    return (f"--namespace={name}",) if name else ()


def spelled(given: Iterable[Flag], wanted: frozenset[str]) -> tuple[str, ...]:
    """Returns the wanted flags, each as one word."""
    return tuple(_spelled(flag) for flag in given if flag.name in wanted)


def only_tries(reading: Reading) -> bool:
    """Whether the command changes nothing, or only explains itself."""
    return reading.has(DRY_RUN, HELP_FLAG)


def _spelled(flag: Flag) -> str:
    dashes = "-" if len(flag.name) == 1 else "--"
    return f"{dashes}{flag.name}" if flag.written is None else f"{dashes}{flag.name}={flag.written}"


_GET_OPTIONS = ("--output=json", "--ignore-not-found")
