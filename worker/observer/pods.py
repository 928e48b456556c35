"""Explains why a pod is not ready, by its status: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/"""

from collections import Counter
from collections.abc import Iterable

from worker.observer import fields
from worker.observer.fields import Object
from worker.observer.text import short, with_detail

UNREMARKABLE = frozenset({"ContainerCreating", "PodInitializing"})
"""Waiting reasons of every container at its start, which do not indicate a problem."""
FINISHED_PHASES = frozenset({"Failed", "Succeeded"})


def is_ready(pod: Object) -> bool:
    """Returns whether the pod is ready or has completed."""
    return (
        fields.text(pod, "status", "phase") == "Succeeded"
        or fields.text(fields.condition(pod, "Ready"), "status") == "True"
    )


def hindrance(pods: Iterable[Object]) -> str:
    """Returns the problem of a workload's pods: the most specific reason, then the most frequent one, or nothing.

    Ended pods count only if there are no others, because they remain after new pods have replaced them.
    """
    unready = [pod for pod in pods if not is_ready(pod)]
    living = [pod for pod in unready if fields.text(pod, "status", "phase") not in FINISHED_PHASES]
    found = Counter(reason(pod) for pod in living or unready)
    return max(found, key=lambda known: (-known[0], found[known]))[1] if found else ""


def reason(pod: Object) -> tuple[int, str]:
    """Returns the rank of the pod's reason, 0 for the most specific, and the reason."""
    containers = [*fields.items(pod, "status", "initContainerStatuses"), *_containers(pod)]
    by_weight = (
        (0, (_unscheduled(pod), *map(_stopped, containers))),
        (1, (_ending(pod),)),
        (2, (*_initialising(pod), *_unready(pod))),
        (3, (short(fields.text(container, "state", "waiting", "reason")) for container in containers)),
    )
    found = ((weight, told) for weight, reasons in by_weight for told in reasons if told)
    return next(found, (4, short(fields.text(pod, "status", "phase")) or "Pending"))


def _containers(pod: Object) -> list[Object]:
    return fields.items(pod, "status", "containerStatuses")


def _unscheduled(pod: Object) -> str:
    scheduled = fields.condition(pod, "PodScheduled")
    if fields.text(scheduled, "status") != "False":
        return ""
    kind = short(fields.text(scheduled, "reason")) or "Unschedulable"
    return with_detail(kind, short(fields.text(scheduled, "message")))


def _ending(pod: Object) -> str:
    if fields.text(pod, "metadata", "deletionTimestamp"):
        return "Terminating"
    if fields.text(pod, "status", "phase") != "Failed":
        return ""
    kind = short(fields.text(pod, "status", "reason")) or "Failed"
    return with_detail(kind, short(fields.text(pod, "status", "message")))


def _initialising(pod: Object) -> list[str]:
    """Returns the state of each init container that others wait for. Sidecars are not among them."""
    declared = fields.items(pod, "spec", "initContainers")
    sidecars = {fields.text(item, "name") for item in declared if item.get("restartPolicy") == "Always"}
    return [
        f"init container {short(name)} is running"
        for container in fields.items(pod, "status", "initContainerStatuses")
        if "running" in fields.mapping(container, "state") and (name := fields.text(container, "name")) not in sidecars
    ]


def _unready(pod: Object) -> list[str]:
    """Returns the state of each container that runs and is not ready."""
    return [
        _probed(pod, container)
        for container in _containers(pod)
        if "running" in fields.mapping(container, "state") and container.get("ready") is False
    ]


def _stopped(container: Object) -> str:
    """Returns why the container cannot run, or nothing if it can."""
    kind = short(fields.text(container, "state", "waiting", "reason"))
    if kind and kind not in UNREMARKABLE:
        return with_detail(kind, _detail(container, kind))
    ended = fields.mapping(container, "state", "terminated")
    return _ended(ended) if fields.number(ended, "exitCode") != 0 else ""


def _detail(container: Object, kind: str) -> str:
    if "Image" in kind:
        return short(fields.text(container, "image"))
    if kind == "CrashLoopBackOff":
        return _ended(fields.mapping(container, "lastState", "terminated"))
    return short(fields.text(container, "state", "waiting", "message"))


def _ended(ended: Object) -> str:
    kind = short(fields.text(ended, "reason"))
    code = fields.number(ended, "exitCode")
    if kind in ("", "Error"):
        return f"exit code {code}" if ended else ""
    return kind if kind == "OOMKilled" else f"{kind}, exit code {code}"


def _probed(pod: Object, container: Object) -> str:
    """Returns which probe a running container has not passed yet."""
    name = fields.text(container, "name")
    declared = next((item for item in fields.items(pod, "spec", "containers") if fields.text(item, "name") == name), {})
    if "startupProbe" in declared and container.get("started") is not True:
        probe = "its startup probe has not passed"
    elif "readinessProbe" in declared:
        probe = "its readiness probe fails"
    else:
        probe = "not ready"
    restarts = fields.number(container, "restartCount")
    return f"running, {probe}" + (f", restarted {restarts} times" if restarts else "")
