"""Counts how many parts of an object are ready, and how many the command waits for.

"Ready" has the meaning of kubectl's `rollout status`, and for other kinds of their condition `Ready`, as in kstatus.
"""

from collections.abc import Callable
from dataclasses import dataclass

from shared.tools.awaited import Awaited, Goal
from worker.observer import fields, pods
from worker.observer.fields import Object
from worker.observer.text import short, with_detail

MOST_FINALIZERS = 2


@dataclass(frozen=True, slots=True)
class Standing:
    """The progress of an object. `hindrance` may be empty even if the object's pods show a problem."""

    ready: int
    wanted: int
    hindrance: str = ""

    @property
    def is_reached(self) -> bool:
        return self.ready >= self.wanted


def standing(found: Object, awaited: Awaited) -> Standing:
    """Returns the progress towards the command's goal. Kinds that are ready once they exist have no parts."""
    if awaited.goal is Goal.GONE:
        return Standing(0, 1, _terminating(found))
    if awaited.condition is not None:
        return _condition(found, *awaited.condition)
    if fields.text(found, "metadata", "deletionTimestamp"):
        return Standing(0, 1, _terminating(found))
    return _BY_KIND.get(fields.text(found, "kind"), _by_condition)(found)


def name(found: Object) -> str:
    """Returns the object's name for people. Workloads have no kind in front."""
    kind, own = fields.text(found, "kind"), fields.text(found, "metadata", "name")
    return short(own if kind in WORKLOADS or kind == "Pod" else f"{kind} {own}")


def selector(found: Object) -> str:
    """Returns the selector of the object's pods for `--selector`, or nothing if the object has none."""
    if fields.text(found, "kind") not in WORKLOADS:
        return ""
    spec = fields.mapping(found, "spec", "selector")
    labels = spec if fields.text(found, "kind") == "ReplicationController" else fields.mapping(spec, "matchLabels")
    terms = [f"{label}={value}" for label, value in labels.items() if isinstance(value, str)]
    return ",".join((*terms, *filter(None, map(_expression, fields.items(spec, "matchExpressions")))))


def _expression(expression: Object) -> str:
    key, operator = fields.text(expression, "key"), fields.text(expression, "operator")
    values = ",".join(value for value in expression.get("values") or () if isinstance(value, str))
    by_operator = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})"}
    return by_operator.get(operator) or {"Exists": key, "DoesNotExist": f"!{key}"}.get(operator, "")


def _terminating(found: Object) -> str:
    if not fields.text(found, "metadata", "deletionTimestamp"):
        return ""
    held_by = fields.mapping(found, "metadata").get("finalizers")
    finalizers = [short(item) for item in held_by if item] if isinstance(held_by, list) else []
    return with_detail("Terminating", ", ".join(finalizers[:MOST_FINALIZERS]))


def _condition(found: Object, kind: str, value: str) -> Standing:
    condition = fields.condition(found, kind)
    if fields.text(condition, "status").lower() == value.lower():
        return Standing(1, 1)
    if fields.text(found, "kind") == "Pod":
        return Standing(0, 1, pods.reason(found)[1])
    return Standing(0, 1, _told(condition) or f"no condition {short(kind)}")


def _by_condition(found: Object) -> Standing:
    condition = fields.condition(found, "Ready")
    if not condition or fields.text(condition, "status") == "True":
        return Standing(1, 1) if condition else Standing(0, 0)
    return Standing(0, 1, _told(condition) or "not ready")


def _told(condition: Object) -> str:
    kind = short(fields.text(condition, "reason"))
    message = short(fields.text(condition, "message"))
    return with_detail(kind, message) if kind else message


def _is_observed(found: Object) -> bool:
    generation = fields.number(found, "metadata", "generation")
    return fields.number(found, "status", "observedGeneration") >= generation


def _deployment(found: Object) -> Standing:
    """Counts new pods only: the number of available pods minus the number of old ones."""
    wanted = fields.number(found, "spec", "replicas", default=1)
    status = fields.mapping(found, "status")
    updated = fields.number(status, "updatedReplicas")
    old = max(0, fields.number(status, "replicas") - updated)
    ready = min(updated, max(0, fields.number(status, "availableReplicas") - old)) if _is_observed(found) else 0
    return Standing(min(ready, wanted), wanted, _deployment_hindrance(found))


def _deployment_hindrance(found: Object) -> str:
    failure, progressing = (fields.condition(found, kind) for kind in ("ReplicaFailure", "Progressing"))
    if fields.text(failure, "status") == "True":
        return _told(failure)
    if fields.mapping(found, "spec").get("paused") is True:
        return "paused"
    return short(fields.text(progressing, "reason")) if fields.text(progressing, "status") == "False" else ""


def _stateful_set(found: Object) -> Standing:
    wanted = fields.number(found, "spec", "replicas", default=1)
    status = fields.mapping(found, "status")
    ready = fields.number(status, "readyReplicas")
    strategy = fields.mapping(found, "spec", "updateStrategy")
    is_partial = fields.number(strategy, "rollingUpdate", "partition") > 0
    is_updated = fields.text(status, "updateRevision") == fields.text(status, "currentRevision")
    if not (is_updated or is_partial or fields.text(strategy, "type") == "OnDelete"):
        ready = min(ready, fields.number(status, "updatedReplicas"))
    return Standing(min(ready, wanted) if _is_observed(found) else 0, wanted)


def _daemon_set(found: Object) -> Standing:
    if not _is_observed(found):
        return Standing(0, 1)
    status = fields.mapping(found, "status")
    wanted = fields.number(status, "desiredNumberScheduled")
    ready = fields.number(status, "numberAvailable")
    if fields.text(found, "spec", "updateStrategy", "type") != "OnDelete":
        ready = min(ready, fields.number(status, "updatedNumberScheduled"))
    return Standing(min(ready, wanted), wanted)


def _replica_set(found: Object) -> Standing:
    wanted = fields.number(found, "spec", "replicas", default=1)
    return Standing(min(wanted, fields.number(found, "status", "readyReplicas")), wanted)


def _job(found: Object) -> Standing:
    if fields.text(fields.condition(found, "Complete"), "status") == "True":
        return Standing(1, 1)
    failed = fields.condition(found, "Failed")
    return Standing(0, 1, _told(failed) if fields.text(failed, "status") == "True" else "")


def _pod(found: Object) -> Standing:
    return Standing(1, 1) if pods.is_ready(found) else Standing(0, 1, pods.reason(found)[1])


def _volume_claim(found: Object) -> Standing:
    phase = short(fields.text(found, "status", "phase")) or "Pending"
    return Standing(1, 1) if phase == "Bound" else Standing(0, 1, phase)


def _service(found: Object) -> Standing:
    if fields.text(found, "spec", "type") != "LoadBalancer":
        return Standing(0, 0)
    has_address = bool(fields.items(found, "status", "loadBalancer", "ingress"))
    return Standing(1, 1) if has_address else Standing(0, 1, "has no load balancer address")


WORKLOADS = frozenset({"DaemonSet", "Deployment", "Job", "ReplicaSet", "ReplicationController", "StatefulSet"})
_BY_KIND: dict[str, Callable[[Object], Standing]] = {
    "DaemonSet": _daemon_set,
    "Deployment": _deployment,
    "Job": _job,
    "PersistentVolumeClaim": _volume_claim,
    "Pod": _pod,
    "ReplicaSet": _replica_set,
    "ReplicationController": _replica_set,
    "Service": _service,
    "StatefulSet": _stateful_set,
}
