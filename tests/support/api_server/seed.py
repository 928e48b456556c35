"""What a new server has: three namespaces, and a web application in the first of them."""

from datetime import UTC, datetime, timedelta

from tests.support.api_server import resources
from tests.support.api_server.resources import KubeObject, ResourceType
from tests.support.api_server.store import Store, timestamp

AGE = timedelta(days=3, hours=1)
NAMESPACES = ("default", "kube-system", "other")
PODS = (("default", "web-1"), ("default", "web-2"), ("other", "db-0"))


def plant(store: Store) -> None:
    """Fills an empty store."""
    for name in NAMESPACES:
        _create(store, resources.NAMESPACES, "", _named(name, {"status": {"phase": "Active"}}))
    for namespace, name in PODS:
        _create(store, resources.PODS, namespace, _pod(name))
    _create(store, resources.DEPLOYMENTS, "default", _deployment("web", 2))
    _create(store, resources.CONFIG_MAPS, "default", _named("settings", {"data": {"colour": "blue"}}))


def _create(store: Store, resource: ResourceType, namespace: str, item: KubeObject) -> None:
    store.create(resource, namespace, item, is_dry_run=False)


def _named(name: str, content: KubeObject) -> KubeObject:
    created = timestamp(datetime.now(UTC) - AGE)
    labels = {"app": name.partition("-")[0]}
    return {"metadata": {"name": name, "creationTimestamp": created, "labels": labels}, **content}


def _containers() -> list[KubeObject]:
    return [{"name": "main", "image": "registry.example/app:1.0"}]


def _pod(name: str) -> KubeObject:
    state = {
        "name": "main",
        "ready": True,
        "started": True,
        "restartCount": 0,
        "image": "registry.example/app:1.0",
        "imageID": "",
        "state": {"running": {"startedAt": timestamp(datetime.now(UTC) - AGE)}},
    }
    conditions = [{"type": "Ready", "status": "True"}]
    status = {"phase": "Running", "podIP": "10.0.0.1", "containerStatuses": [state], "conditions": conditions}
    return _named(name, {"spec": {"nodeName": "node-1", "containers": _containers()}, "status": status})


def _deployment(name: str, replicas: int) -> KubeObject:
    labels = {"app": name}
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return _named(
        name,
        {
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": _containers()}},
            },
            "status": dict.fromkeys(counts, replicas),
        },
    )
