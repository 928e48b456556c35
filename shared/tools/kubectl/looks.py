"""What kubectl's waiting commands wait for: `rollout status`, `wait` and `delete`."""

from shared.command.reading import Reading
from shared.tools import progress_looks
from shared.tools.progress_looks import Goal, ProgressLooks

FILE_FLAGS = frozenset({"filename", "kustomize"})
_SELECTION = (
    frozenset({"all-namespaces", "field-selector", "recursive", "selector", progress_looks.NAMESPACE}) | FILE_FLAGS
)
_ELSEWHERE = ("local", "raw")
"""With these it waits for nothing in a cluster, or for what `get` does not name in the same way."""
_CONDITION = "condition="


def of(reading: Reading) -> ProgressLooks | None:
    """None for a command that does not wait, or for something that cannot be looked at."""
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
    """As kubectl reads `--for`: https://kubernetes.io/docs/reference/kubectl/generated/kubectl_wait/"""
    if text.lower() == "delete":
        return Goal.GONE, None
    if text.startswith(_CONDITION):
        name, _, value = text.removeprefix(_CONDITION).partition("=")
        return Goal.CONDITION, (name, value or "true")
    return Goal.OTHER, None
