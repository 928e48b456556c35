"""What istioctl waits for: the workloads that it has installed."""

from shared.command.reading import Reading
from shared.tools import awaited
from shared.tools.awaited import Awaited, Goal

VERBS = frozenset({("install",), ("manifest", "install"), ("upgrade",)})


def of(reading: Reading) -> Awaited | None:
    """Returns what the command waits for, or None if it does not wait."""
    return None if reading.verb not in VERBS or awaited.only_tries(reading) else Awaited(Goal.READY)
