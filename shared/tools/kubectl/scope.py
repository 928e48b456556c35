"""Tells which objects a kubectl command is certain to concern: those of namespaces, and the kinds that it looks up."""

from shared.command.reading import Reading
from shared.tools.kubectl import kinds

_READS_OF_NAMED_KINDS = frozenset({"describe", "get", "logs", "rollout history", "rollout status", "wait"})
OF_ANY_KIND = ("applyset", "filename", "kustomize", "overrides", "prune", "raw")
"""Flags with which a command concerns objects that it does not name."""


def is_namespaced(reading: Reading) -> bool:
    """Whether the command is certain to concern objects that are in namespaces, and no others."""
    written = _written(reading)
    return bool(written) and not reading.has(*OF_ANY_KIND) and kinds.NAMESPACED.issuperset(map(kinds.own, written))


def looked_up(reading: Reading) -> tuple[str, ...] | None:
    """Returns the kinds that a reading command looks up, as it spells them, or None if it may look up others too."""
    written = tuple(name.lower() for name in _written(reading))
    is_named = bool(written) and not reading.has(*OF_ANY_KIND) and kinds.CATEGORIES.isdisjoint(written)
    return written if is_named and reading.path in _READS_OF_NAMED_KINDS else None


def _written(reading: Reading) -> list[str]:
    return [name for name in kinds.written(reading) if name]
