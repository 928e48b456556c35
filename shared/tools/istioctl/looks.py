"""Looks at the workloads that istioctl has installed and waits for."""

from shared.command.reading import Arity, Flag, Reading
from shared.tools import progress_looks
from shared.tools.progress_looks import Goal, ProgressLooks

VERBS = frozenset({("install",), ("manifest", "install"), ("upgrade",)})
COMPONENT_LABEL = "operator.istio.io/component"
"""Label of every object that istioctl installs."""
DEFAULT_NAMESPACE = "istio-system"


def of(reading: Reading) -> ProgressLooks | None:
    """Those in the namespace of the control plane."""
    if reading.verb not in VERBS or progress_looks.only_tries(reading):
        return None
    values = progress_looks.last_values(reading.flags)
    namespace = values.get("istioNamespace") or DEFAULT_NAMESPACE
    given = [_value("namespace", namespace), _value("selector", COMPONENT_LABEL)]
    wanted = frozenset(flag.name for flag in given)
    return ProgressLooks((progress_looks.objects(("deployments,daemonsets",), given, wanted=wanted),), Goal.READY)


def _value(name: str, value: str) -> Flag:
    return Flag(name, value, Arity.VALUE)
