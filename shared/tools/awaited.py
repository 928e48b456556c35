"""What a silent command waits for: the goal, and how a worker finds the objects.

While the command is silent, the worker gets these objects through its door, with the command's own credential.
"""

from dataclasses import dataclass
from enum import StrEnum

from shared.command.reading import Reading
from shared.tools.class_rules import DRY_RUN
from shared.tools.table import HELP_FLAG

NAMESPACE = "namespace"


class Goal(StrEnum):
    """The state of an object that a command waits for."""

    READY = "ready"
    GONE = "gone"
    CONDITION = "condition"
    """The object has a status condition, as in `kubectl wait --for=condition=…`."""
    OTHER = "other"
    """Any other goal. Nothing is counted, and only problems are reported."""


class Among(StrEnum):
    """Which of the command's requests name the objects that it waits for."""

    CHANGED = "changed"
    """It waits for objects that it has changed itself."""
    READ = "read"
    """It changes nothing, and reads again and again what it waits for."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """What a command waits for. `condition` is a status condition and its expected value."""

    goal: Goal
    among: Among = Among.CHANGED
    condition: tuple[str, str] | None = None
    own_paths: tuple[str, ...] = ()
    """Paths on the tool's own server, each of an Argo CD Application as JSON, if the command waits for these."""


def only_tries(reading: Reading) -> bool:
    """Whether the command is a dry run or only prints help."""
    return reading.has(DRY_RUN, HELP_FLAG)
