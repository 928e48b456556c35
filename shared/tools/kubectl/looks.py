"""What kubectl's waiting commands wait for: `rollout status`, `wait` and `delete`."""

from shared.command.reading import FALSE_VALUES, Reading
from shared.tools import progress_looks
from shared.tools.progress_looks import Goal, ProgressLooks

FILE_FLAGS = frozenset({"filename", "kustomize"})
_SELECTION = (
    frozenset({"all-namespaces", "field-selector", "recursive", "selector"})
    | FILE_FLAGS
    | progress_looks.NAMESPACE_FLAGS
)
_ELSEWHERE = frozenset({"local", "raw"})
"""With these it waits for nothing in a cluster, or for what `get` does not name in the same way."""
_CONDITION = "condition="


def of(reading: Reading) -> ProgressLooks | None:
    """None for a command that does not wait, or for something that cannot be looked at."""
    values = progress_looks.last_values(reading.flags)
    fetches = any("://" in (flag.value or "") for flag in reading.flags if flag.name in FILE_FLAGS)
    if fetches or progress_looks.only_tries(reading) or not _ELSEWHERE.isdisjoint(values):
        return None
    look = progress_looks.objects(
        reading.operands, reading.flags, wanted=_SELECTION, brings_files=not FILE_FLAGS.isdisjoint(values)
    )
    match reading.verb:
        case ("rollout", "status"):
            return None if values.get("watch") in FALSE_VALUES else ProgressLooks((look,), Goal.READY)
        case ("delete",):
            return None if values.get("wait") in FALSE_VALUES else ProgressLooks((look,), Goal.GONE)
        case ("wait",):
            goal, condition = _goal(values.get("for") or "")
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
