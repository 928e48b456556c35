"""Defines a parsed command: the one value that is judged, queued and executed."""

from dataclasses import dataclass, field

from shared.command.reading import Reading
from shared.command.unknown_words import UnknownWord
from shared.models import CommandClass, Lane
from shared.tools.class_rules import ClassRule


@dataclass(frozen=True, slots=True)
class Invocation:
    """A parsed command.

    `arguments` are exactly the tool's arguments, without its name. All fields but `filters` describe the tool's stage.
    """

    tool: str
    arguments: tuple[str, ...]
    filters: tuple[tuple[str, ...], ...]
    """The stages after the tool's own. The first word of each is the name of its filter."""
    verb: tuple[str, ...]
    command_class: CommandClass
    waits: bool
    """Whether the command waits for something, or is endless."""
    context: str | None
    needs_cluster: bool
    own_timeout_s: float | None
    """Seconds that the command may wait: its own limit (`--timeout 10m`) or its tool's default. None without either."""
    is_endless: bool
    """Whether the command never ends by itself (`get --watch`)."""
    namespace: str | None = None
    """Namespace that the command or its request names; None if its kubeconfig decides."""
    subjects: tuple[str, ...] = ()
    """Names of objects that no other command may change at the same time."""
    reading: Reading = field(default=Reading((), (), ()), repr=False)
    """The command's parts, which policy checks. They contain values of the caller."""
    class_rules: tuple[ClassRule, ...] = ()
    """The rules that changed the class of the command's verb or added effects."""
    unknown: UnknownWord | None = None
    """The first verb or flag that is not in the CLI's table."""

    @property
    def lane(self) -> Lane:
        """Lane of the command's class, which policy may have changed."""
        is_short = self.command_class.changes_nothing and not self.waits
        return Lane.FAST if is_short else Lane.SLOW
