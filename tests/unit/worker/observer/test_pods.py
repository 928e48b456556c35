"""Why pods are not ready."""

from typing import Any

import pytest

from tests.unit.worker.observer import recorded
from worker.observer import pods

PROBED = {"containers": [{"name": "main", "readinessProbe": {}}]}
STARTING = {"containers": [{"name": "main", "readinessProbe": {}, "startupProbe": {}}]}
INITIAL = {
    "initContainerStatuses": [{"name": "migrate", "ready": False, "state": {"running": {}}}],
    "containerStatuses": [{"name": "main", "ready": False, "state": {"waiting": {"reason": "PodInitializing"}}}],
    "phase": "Pending",
}


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        (recorded.pod(recorded.IMAGE_PULL), "ImagePullBackOff (registry.example/web:1)"),
        (recorded.pod(recorded.crash_loop(exitCode=1, reason="Error")), "CrashLoopBackOff (exit code 1)"),
        (recorded.pod(recorded.crash_loop(exitCode=137, reason="OOMKilled")), "CrashLoopBackOff (OOMKilled)"),
        (
            recorded.pod(recorded.UNSCHEDULABLE),
            "Unschedulable (0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate)",
        ),
        (
            recorded.pod(recorded.waiting("CreateContainerConfigError", 'secret "db" not found')),
            'CreateContainerConfigError (secret "db" not found)',
        ),
        (recorded.pod(recorded.waiting("ContainerCreating")), "ContainerCreating"),
        (recorded.pod(recorded.running(), spec=PROBED), "running, its readiness probe fails"),
        (
            recorded.pod(recorded.running(started=False, restarts=3), spec=STARTING),
            "running, its startup probe has not passed, restarted 3 times",
        ),
        (recorded.pod(recorded.running()), "running, not ready"),
        (recorded.pod(INITIAL), "init container migrate is running"),
        (
            recorded.pod(INITIAL, spec={"initContainers": [{"name": "migrate", "restartPolicy": "Always"}]}),
            "PodInitializing",
        ),
        (recorded.pod({"phase": "Pending"}), "Pending"),
        (recorded.pod({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}), "Evicted (low on memory)"),
        (recorded.pod({"phase": "Running"}, deletionTimestamp="2026-11-24T13:44:00Z"), "Terminating"),
        ({}, "Pending"),
        ({"status": {"containerStatuses": "none", "conditions": [None]}}, "Pending"),
    ],
)
def test_reason_is_that_of_the_pod(pod: dict[str, Any], reason: str) -> None:
    assert pods.reason(pod)[1] == reason


def test_what_says_most_hinders_a_workload() -> None:
    creating = recorded.pod(recorded.waiting("ContainerCreating"))
    assert pods.hindrance([creating, creating, recorded.pod(recorded.IMAGE_PULL)]).startswith("ImagePullBackOff")


def test_what_most_pods_say_hinders_a_workload() -> None:
    crashing = recorded.pod(recorded.crash_loop(exitCode=1))
    found = pods.hindrance([recorded.pod(recorded.IMAGE_PULL), crashing, crashing])
    assert found.startswith("CrashLoopBackOff")


def test_pods_that_were_replaced_say_nothing() -> None:
    evicted = recorded.pod({"phase": "Failed", "reason": "Evicted"})
    assert pods.hindrance([evicted, recorded.pod(recorded.waiting("ContainerCreating"))]) == "ContainerCreating"
    assert pods.hindrance([evicted]) == "Evicted"


def test_ready_pods_hinder_nothing() -> None:
    assert pods.hindrance([recorded.pod(recorded.READY), recorded.pod({"phase": "Succeeded"})]) == ""


def test_words_of_a_cluster_are_one_short_line_without_control_characters() -> None:
    reason = pods.reason(recorded.pod(recorded.waiting("InvalidName", "a\n\x1b[31mb\u202e" + "c" * 1_000)))[1]
    assert reason.isprintable()
    assert len(reason) < 200
