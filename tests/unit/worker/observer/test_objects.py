"""How far objects are from what a command waits for."""

from typing import Any

import pytest

from shared.tools.awaited import Awaited, Goal
from tests.unit.worker.observer import recorded
from worker.observer import objects

READY = Awaited(Goal.READY)
GONE = Awaited(Goal.GONE)
NOW = "2026-11-24T13:44:00Z"


def of_kind(kind: str, *, generation: int = 1, spec: Any = None, **status: Any) -> dict[str, Any]:
    metadata = {"generation": generation, "name": "web"}
    return {"kind": kind, "metadata": metadata, "spec": spec or {}, "status": {"observedGeneration": 1, **status}}


STATEFUL = {"replicas": 3, "updateStrategy": {"type": "RollingUpdate"}}
REVISIONS: dict[str, Any] = {"currentRevision": "a", "updateRevision": "b"}


@pytest.mark.parametrize(
    ("found", "ready", "wanted"),
    [
        (recorded.deployment(replicas=3), 0, 3),
        (
            {**recorded.deployment(), "status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2}},
            0,
            2,
        ),
        (of_kind("Deployment", spec={"replicas": 2}, replicas=2, updatedReplicas=2, availableReplicas=2), 2, 2),
        (of_kind("Deployment", spec={"replicas": 2}, replicas=3, updatedReplicas=1, availableReplicas=2), 0, 2),
        (of_kind("Deployment", spec={"replicas": 2}, replicas=3, updatedReplicas=2, availableReplicas=2), 1, 2),
        (of_kind("Deployment", generation=2, replicas=1, updatedReplicas=1, availableReplicas=1), 0, 1),
        (of_kind("Deployment", spec={"replicas": 0}), 0, 0),
        (of_kind("StatefulSet", spec=STATEFUL, readyReplicas=2), 2, 3),
        (of_kind("StatefulSet", spec=STATEFUL, readyReplicas=3, updatedReplicas=1, **REVISIONS), 1, 3),
        (
            of_kind(
                "StatefulSet",
                spec={"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}},
                readyReplicas=3,
                updatedReplicas=1,
                **REVISIONS,
            ),
            3,
            3,
        ),
        (of_kind("DaemonSet", desiredNumberScheduled=4, numberAvailable=3, updatedNumberScheduled=2), 2, 4),
        (of_kind("DaemonSet", generation=2), 0, 1),
        (of_kind("ReplicaSet", spec={"replicas": 2}, readyReplicas=1), 1, 2),
        (of_kind("Job"), 0, 1),
        (of_kind("Job", conditions=[recorded.condition("Complete", "True")]), 1, 1),
        (recorded.pod(recorded.READY), 1, 1),
        (recorded.pod(recorded.IMAGE_PULL), 0, 1),
        (of_kind("PersistentVolumeClaim", phase="Bound"), 1, 1),
        (of_kind("PersistentVolumeClaim", phase="Pending"), 0, 1),
        (of_kind("Service", spec={"type": "ClusterIP"}), 0, 0),
        (of_kind("Service", spec={"type": "LoadBalancer"}, loadBalancer={}), 0, 1),
        (of_kind("Service", spec={"type": "LoadBalancer"}, loadBalancer={"ingress": [{"ip": "10.0.0.1"}]}), 1, 1),
        (of_kind("ConfigMap"), 0, 0),
        (of_kind("Certificate", conditions=[recorded.condition("Ready", "True")]), 1, 1),
        (of_kind("Certificate", conditions=[recorded.condition("Ready", "False")]), 0, 1),
        ({}, 0, 0),
        ({"kind": "Deployment", "spec": None, "status": [], "metadata": 3}, 0, 1),
    ],
)
def test_ready_parts_are_counted_as_the_kind_has_them(found: dict[str, Any], ready: int, wanted: int) -> None:
    standing = objects.standing(found, READY)
    assert (standing.ready, standing.wanted) == (ready, wanted)


@pytest.mark.parametrize(
    ("found", "hindrance"),
    [
        (
            of_kind(
                "Deployment",
                conditions=[recorded.condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: pods")],
            ),
            "FailedCreate (exceeded quota: pods)",
        ),
        (
            of_kind(
                "Deployment", conditions=[recorded.condition("Progressing", "False", "ProgressDeadlineExceeded", "…")]
            ),
            "ProgressDeadlineExceeded",
        ),
        (of_kind("Deployment", spec={"paused": True}), "paused"),
        (
            of_kind("Job", conditions=[recorded.condition("Failed", "True", "BackoffLimitExceeded")]),
            "BackoffLimitExceeded",
        ),
        (of_kind("PersistentVolumeClaim", phase="Pending"), "Pending"),
        (
            of_kind("Certificate", conditions=[recorded.condition("Ready", "False", "Issuing", "no issuer")]),
            "Issuing (no issuer)",
        ),
        (recorded.pod(recorded.IMAGE_PULL), "ImagePullBackOff (registry.example/web:1)"),
    ],
)
def test_object_says_what_hinders_it(found: dict[str, Any], hindrance: str) -> None:
    assert objects.standing(found, READY).hindrance == hindrance


def test_object_that_is_to_go_is_left_until_it_is_gone_and_says_who_holds_it() -> None:
    held = recorded.pod(recorded.READY, deletionTimestamp=NOW, finalizers=["example.com/a", "example.com/b", "c"])
    standing = objects.standing(held, GONE)
    assert (standing.is_reached, standing.hindrance) == (False, "Terminating (example.com/a, example.com/b)")
    assert not objects.standing(recorded.pod(recorded.READY), GONE).is_reached


@pytest.mark.parametrize(("value", "is_reached"), [("true", False), ("False", True), ("false", True)])
def test_condition_is_reached_when_it_has_the_value(value: str, *, is_reached: bool) -> None:
    found = of_kind("Deployment", conditions=[recorded.condition("Available", "False", "Minimum", "not enough")])
    standing = objects.standing(found, Awaited(Goal.CONDITION, condition=("available", value)))
    assert standing.is_reached is is_reached
    assert standing.hindrance == ("" if is_reached else "Minimum (not enough)")


@pytest.mark.parametrize(
    ("kind", "spec", "selector"),
    [
        ("Deployment", {"matchLabels": {"app": "web", "tier": "front"}}, "app=web,tier=front"),
        (
            "StatefulSet",
            {
                "matchExpressions": [
                    {"key": "app", "operator": "In", "values": ["a", "b"]},
                    {"key": "old", "operator": "DoesNotExist"},
                    {"key": "new", "operator": "Exists"},
                    {"key": "zone", "operator": "NotIn", "values": ["c"]},
                ]
            },
            "app in (a,b),!old,new,zone notin (c)",
        ),
        ("ReplicationController", {"app": "web"}, "app=web"),
        ("PersistentVolumeClaim", {"matchLabels": {"app": "web"}}, ""),
        ("Deployment", {}, ""),
    ],
)
def test_pods_are_selected_as_the_workload_selects_them(kind: str, spec: dict[str, Any], selector: str) -> None:
    assert objects.selector(of_kind(kind, spec={"selector": spec})) == selector


def test_workloads_are_named_alone_and_others_with_their_kind() -> None:
    assert objects.name(recorded.deployment("web")) == "web"
    assert objects.name(of_kind("PersistentVolumeClaim")) == "PersistentVolumeClaim web"
