"""Rules that give a command another class than its verb's. Each row has a name and a reason, and stands alone.

A row reads only the parsed command, in which the order and the spelling of flags make no difference.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from shared.command.reading import Reading
from shared.models import CommandClass

DRY_RUN = "dry-run"
CHANGING = frozenset({CommandClass.WRITE, CommandClass.DESTRUCTIVE})
Condition = Callable[[Reading], bool]


class Effect(StrEnum):
    """What makes a destructive command more dangerous than usual."""

    MASS = "mass"
    """The command names no object, so it may affect any number of them."""
    IRREVERSIBLE = "irreversible"
    """The command deletes data that no manifest can restore."""
    EVICTION = "eviction"
    """The command ends all pods of a node."""
    CLUSTER_SCOPE = "cluster-scope"
    """The command reaches beyond a namespace, or may do so."""


@dataclass(frozen=True, slots=True)
class ClassRule:
    """One row. `verbs` are whole verb paths; an empty set means every verb."""

    name: str
    why: str
    when: Condition
    verbs: frozenset[str] = frozenset()
    of: frozenset[CommandClass] = frozenset()
    """The classes that the row changes; an empty set means any class."""
    to: CommandClass | None = None
    effect: Effect | None = None
    is_seen_at_the_door: bool = False
    """Whether the requests of the command show the effect, too."""

    def fits(self, reading: Reading, command_class: CommandClass) -> bool:
        """Whether the row applies to a command, given its class after the rows before."""
        of_verb = not self.verbs or reading.path in self.verbs
        of_class = not self.of or command_class in self.of
        return of_verb and of_class and self.when(reading)


def _paths(verbs: str) -> frozenset[str]:
    """Splits verb paths at commas; empty text means every verb."""
    return frozenset(filter(None, verbs.split(", ")))


def reads(name: str, why: str, when: Condition, *, verbs: str = "") -> ClassRule:
    """Returns the row that makes a command a read."""
    return ClassRule(name, why, when, _paths(verbs), to=CommandClass.READ)


def reveals(name: str, why: str, when: Condition, *, verbs: str = "") -> ClassRule:
    """Returns the row for commands that show credentials."""
    return ClassRule(name, why, when, _paths(verbs), to=CommandClass.CREDENTIAL)


def destroys(name: str, why: str, when: Condition, *, verbs: str = "", effect: Effect | None = None) -> ClassRule:
    """Returns the row for changes that delete something."""
    return ClassRule(name, why, when, _paths(verbs), CHANGING, CommandClass.DESTRUCTIVE, effect)


def widens(name: str, why: str, when: Condition, *, verbs: str = "", effect: Effect) -> ClassRule:
    """Returns the row that keeps the class and adds an effect."""
    return ClassRule(name, why, when, _paths(verbs), effect=effect)


def foresees(row: ClassRule) -> ClassRule:
    """Returns the row as one for an effect that the requests of the command show, too."""
    return replace(row, is_seen_at_the_door=True)


def always(_: Reading) -> bool:
    """Returns True, for a row that applies to every command of its verbs."""
    return True


def never(_: Reading) -> bool:
    """Returns False, for a property that no command of a CLI has."""
    return False


def given(*names: str) -> Condition:
    """Returns the condition that any of the flags is given and not switched off."""
    return lambda reading: reading.has(*names)


def is_dry(reading: Reading) -> bool:
    """Whether `--dry-run` is given, and not switched off. The door holds the command to it."""
    return reading.has(DRY_RUN)


def no_masking(_: Reading) -> None:
    """Returns None, for a CLI that shows no values of Secrets or masks them itself."""


def no_lookup(_: Reading) -> None:
    """Returns nothing, for a CLI that may look up any kind."""


def no_kinds(_: Reading) -> tuple[str, ...]:
    """Returns nothing, for a CLI whose commands name no kinds of object."""
    return ()
