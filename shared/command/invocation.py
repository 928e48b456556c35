"""A command after it was read: one value that is judged, queued and executed."""

from dataclasses import dataclass, field

from shared.command.masking import Masking
from shared.command.reading import Reading
from shared.command.unknown_words import UnknownWord
from shared.models import CommandClass, Lane
from shared.tools.class_rules import ClassRule, Effect


@dataclass(frozen=True, slots=True)
class Invocation:
    """A parsed command.

    `arguments` is exactly what runs, without the tool's own name. All else but `filters` speaks of the tool's stage.
    """

    tool: str
    arguments: tuple[str, ...]
    filters: tuple[tuple[str, ...], ...]
    """The stages behind it, each with its filter's name first."""
    verb: tuple[str, ...]
    command_class: CommandClass
    waits: bool
    """It waits for something, or goes on until it is ended."""
    context: str | None
    needs_cluster: bool
    own_timeout_s: float | None
    """What the command itself says it may wait (`--timeout 10m`), or its tool's default when it waits."""
    is_endless: bool
    """It goes on until it is ended (`get --watch`)."""
    namespace: str | None = None
    """That of the command, or of its request; None where its kubeconfig decides."""
    subjects: tuple[str, ...] = ()
    """What it changes by name and no second command may change meanwhile."""
    reading: Reading = field(default=Reading((), (), ()), repr=False)
    """Its parts, which policy looks at; their values are the caller's own."""
    class_rules: tuple[ClassRule, ...] = ()
    """The rules that gave it its class and its effects, beyond its verb."""
    effects: frozenset[Effect] = frozenset()
    masking: Masking | None = None
    """What a worker masks of what it prints, where policy has it masked."""
    unknown: UnknownWord | None = None
    """The first verb or flag that its CLI does not have, as far as the tables know."""

    @property
    def lane(self) -> Lane:
        """Lane of the command's class, which policy may have changed."""
        is_short = self.command_class.changes_nothing and not self.waits
        return Lane.FAST if is_short else Lane.SLOW
