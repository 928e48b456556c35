"""What helm waits for: the objects and hooks of a release, also without `--wait`, because helm always awaits hooks."""

from shared.command.reading import Reading
from shared.tools import awaited
from shared.tools.awaited import Awaited, Goal

_GOALS = {
    "install": Goal.READY,
    "rollback": Goal.READY,
    "test": Goal.READY,
    "uninstall": Goal.GONE,
    "upgrade": Goal.READY,
}


def of(reading: Reading) -> Awaited | None:
    """Returns what the command waits for, or None if it does not wait."""
    goal = _GOALS.get(reading.path)
    return None if goal is None or awaited.only_tries(reading) else Awaited(goal)
