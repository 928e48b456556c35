"""Looks at the workloads that istioctl has installed and waits for."""

from shared.command.reading import Reading
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
    namespace = reading.text("istioNamespace") or DEFAULT_NAMESPACE
    selection = (*progress_looks.in_namespace(namespace), f"--selector={COMPONENT_LABEL}")
    return ProgressLooks((progress_looks.objects(("deployments,daemonsets",), selection),), Goal.READY)
