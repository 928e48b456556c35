"""Looks at the objects that kubectl waits for, with `rollout status`, `wait` and `delete`."""

from shared.command.reading import Reading
from shared.tools import progress_looks
from shared.tools.progress_looks import Goal, ProgressLooks

FILE_FLAGS = frozenset({"filename", "kustomize"})
_SELECTION = (
    frozenset({"all-namespaces", "field-selector", "recursive", "selector", progress_looks.NAMESPACE}) | FILE_FLAGS
)
_ELSEWHERE = ("local", "raw")
"""Flags with which kubectl waits for no object of a cluster, or for objects that `get` cannot find."""
_CONDITION = "condition="


def of(reading: Reading) -> ProgressLooks | None:
    """Returns the look, or None if the command does not wait, or waits for something that `get` cannot show."""
    if progress_looks.only_tries(reading) or reading.has(*_ELSEWHERE):
        return None
    selection = progress_looks.spelled(reading.flags, _SELECTION)
    look = progress_looks.objects(reading.operands, selection, brings_files=reading.has(*FILE_FLAGS))
    match reading.verb:
        case ("rollout", "status"):
            return None if reading.is_off("watch") else ProgressLooks((look,), Goal.READY)
        case ("delete",):
            return None if reading.is_off("wait") else ProgressLooks((look,), Goal.GONE)
        case ("wait",):
            goal, condition = _goal(reading.text("for") or "")
            return ProgressLooks((look,), goal, condition)
    return None


def _goal(text: str) -> tuple[Goal, tuple[str, str] | None]:
    """Reads the value of `--for`: https://kubernetes.io/docs/reference/kubectl/generated/kubectl_wait/"""
    if text.lower() == "delete":
        return Goal.GONE, None
    if text.startswith(_CONDITION):
        name, _, value = text.removeprefix(_CONDITION).partition("=")
        return Goal.CONDITION, (name, value or "true")
    return Goal.OTHER, None
