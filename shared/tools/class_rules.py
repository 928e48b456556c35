"""What gives a verb another class: rows that can be read on their own, each with its name and its reason.

A row looks at the parsed command alone: flags in any order and spelling are the same flags to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from shared.command.reading import Reading
from shared.command.values.scalars import BOOLEANS
from shared.models import CommandClass

DRY_RUN = "dry-run"


class Effect(StrEnum):
    """What makes a destructive command more than an everyday one."""

    MASS = "mass"
    """It may hit any number of objects, for none is named."""
    IRREVERSIBLE = "irreversible"
    """What it deletes holds data that no manifest brings back."""
    CLUSTER_SCOPE = "cluster-scope"
    """It reaches beyond a namespace, or nobody can tell that it does not."""


@dataclass(frozen=True, slots=True)
class ClassRule:
    """One row. `verbs` are whole paths; none means every verb."""

    name: str
    why: str
    when: Callable[[Reading], bool]
    verbs: frozenset[str] = frozenset()
    of: frozenset[CommandClass] = frozenset()
    """The classes that it changes; none means any."""
    to: CommandClass | None = None
    effect: Effect | None = None

    def fits(self, reading: Reading, command_class: CommandClass) -> bool:
        """Whether it speaks of this command, whose class has come out as this so far."""
        of_verb = not self.verbs or reading.path in self.verbs
        of_class = not self.of or command_class in self.of
        return of_verb and of_class and self.when(reading)


def always(_: Reading) -> bool:
    """For a row that its verbs alone decide."""
    return True


def given(*names: str) -> Callable[[Reading], bool]:
    """For a row that holds where any of the flags is given, and not switched off."""
    return lambda reading: reading.has(*names)


def is_dry(reading: Reading) -> bool:
    """Whether `--dry-run` is given, in a word that the CLIs know: the command then changes nothing."""
    return reading.has(DRY_RUN) and reading.text(DRY_RUN) in (None, "client", "server", *BOOLEANS)


def no_masking(_: Reading) -> None:
    """For a CLI that shows no values of Secrets, or masks them itself."""


def no_kinds(_: Reading) -> tuple[str, ...]:
    """For a CLI whose commands name no kinds of object."""
    return ()
