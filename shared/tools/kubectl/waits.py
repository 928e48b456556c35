"""What kubectl waits for, with `rollout status`, `wait` and `delete`."""

from shared.command.reading import Reading
from shared.tools import awaited
from shared.tools.awaited import Among, Awaited, Goal

_ELSEWHERE = ("local", "raw")
"""Flags with which kubectl waits for no object of a cluster."""
_CONDITION = "condition="


def of(reading: Reading) -> Awaited | None:
    """Returns what the command waits for, or None if it does not wait."""
    if awaited.only_tries(reading) or reading.has(*_ELSEWHERE):
        return None
    match reading.verb:
        case ("rollout", "status"):
            return None if reading.is_off("watch") else Awaited(Goal.READY, Among.READ)
        case ("delete",):
            return None if reading.is_off("wait") else Awaited(Goal.GONE)
        case ("wait",):
            goal, condition = _goal(reading.text("for") or "")
            return Awaited(goal, Among.READ, condition)
    return None


def _goal(text: str) -> tuple[Goal, tuple[str, str] | None]:
    """Reads the value of `--for`: https://kubernetes.io/docs/reference/kubectl/generated/kubectl_wait/"""
    if text.lower() == "delete":
        return Goal.GONE, None
    if text.startswith(_CONDITION):
        name, _, value = text.removeprefix(_CONDITION).partition("=")
        return Goal.CONDITION, (name, value or "true")
    return Goal.OTHER, None
