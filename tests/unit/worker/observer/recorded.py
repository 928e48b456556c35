"""Objects as a cluster printed them, without what nothing reads."""

from typing import Any

Json = dict[str, Any]

IMAGE_PULL: Json = {
    "conditions": [
        {"status": "True", "type": "Initialized"},
        {"reason": "ContainersNotReady", "status": "False", "type": "Ready"},
        {"reason": "ContainersNotReady", "status": "False", "type": "ContainersReady"},
        {"status": "True", "type": "PodScheduled"},
    ],
    "containerStatuses": [
        {
            "image": "registry.example/web:1",
            "lastState": {},
            "name": "main",
            "ready": False,
            "restartCount": 0,
            "started": False,
            "state": {"waiting": {"message": "back-off pulling image", "reason": "ImagePullBackOff"}},
        }
    ],
    "phase": "Pending",
}
READY: Json = {
    "conditions": [{"status": "True", "type": "Ready"}, {"status": "True", "type": "PodScheduled"}],
    "containerStatuses": [
        {"name": "main", "ready": True, "restartCount": 0, "started": True, "state": {"running": {}}},
    ],
    "phase": "Running",
}
UNSCHEDULABLE: Json = {
    "conditions": [
        {
            "message": "0/3 nodes are available: 3 Insufficient cpu.\n no new claims to deallocate",
            "reason": "Unschedulable",
            "status": "False",
            "type": "PodScheduled",
        }
    ],
    "phase": "Pending",
}


def crash_loop(**terminated: Any) -> Json:
    """The last end of its container."""
    waiting = {"message": "back-off 5m0s restarting failed container", "reason": "CrashLoopBackOff"}
    container = {
        "lastState": {"terminated": terminated},
        "name": "main",
        "ready": False,
        "restartCount": 5,
        "state": {"waiting": waiting},
    }
    return {"containerStatuses": [container], "phase": "Running"}


def waiting(reason: str, message: str = "") -> Json:
    """Its one container waits."""
    container = {"name": "main", "ready": False, "state": {"waiting": {"message": message, "reason": reason}}}
    return {"containerStatuses": [container], "phase": "Pending"}


def running(*, started: bool = True, restarts: int = 0) -> Json:
    """Its one container runs and is not ready."""
    state = {"running": {"startedAt": "2026-11-24T13:44:00Z"}}
    container = {"name": "main", "ready": False, "restartCount": restarts, "started": started, "state": state}
    return {"containerStatuses": [container], "phase": "Running"}


def pod(status: Json, *, name: str = "web-748cf79599-fn2lh", spec: Json | None = None, **metadata: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", **metadata},
        "spec": spec or {},
        "status": status,
    }


def deployment(name: str = "web", *, replicas: int = 2, **status: Any) -> Json:
    """Its first generation, as its controller has seen it."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"generation": 1, "name": name, "namespace": "shop"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}},
        "status": {"observedGeneration": 1, **status},
    }


def condition(kind: str, status: str, reason: str = "", message: str = "") -> Json:
    return {"message": message, "reason": reason, "status": status, "type": kind}


APPLICATION: Json = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Application",
    "metadata": {"name": "web"},
    "status": {
        "health": {"status": "Progressing"},
        "operationState": {"message": "successfully synced (all tasks run)", "phase": "Succeeded"},
        "resources": [
            {"kind": "ConfigMap", "name": "web", "namespace": "shop", "status": "Synced", "version": "v1"},
            {
                "group": "apps",
                "health": {
                    "message": "Waiting for rollout to finish: 0 out of 1 new replicas have been updated...",
                    "status": "Progressing",
                },
                "kind": "Deployment",
                "name": "web",
                "namespace": "shop",
                "status": "Synced",
                "version": "v1",
            },
            {"health": {"status": "Healthy"}, "kind": "Service", "name": "web", "status": "Synced"},
        ],
        "sync": {"status": "Synced"},
    },
}
