"""Objects as the `Table` that kubectl prints: the columns are the server's choice, not kubectl's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request

from tests.support.api_server import resources
from tests.support.api_server.resources import KubeObject, ResourceType

_LONG_AGO = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Column:
    """`priority` 1 is shown by `-o wide` only."""

    name: str
    cell: Callable[[KubeObject], str | int]
    priority: int = 0
    kind: str = "string"


def _age(item: KubeObject) -> str:
    created = datetime.fromisoformat(item["metadata"]["creationTimestamp"])
    return short_duration(datetime.now(UTC) - created)


def short_duration(duration: timedelta) -> str:
    """In the unit that kubectl's people chose: 119s, 119m, 47h, 2d."""
    seconds = int(duration.total_seconds())
    if seconds < 120:
        return f"{seconds}s"
    if seconds < 120 * 60:
        return f"{seconds // 60}m"
    if duration < _LONG_AGO:
        return f"{seconds // 3600}h"
    return f"{duration.days}d"


def _pod_ready(pod: KubeObject) -> str:
    statuses = pod.get("status", {}).get("containerStatuses", [])
    ready = sum(1 for status in statuses if status.get("ready"))
    return f"{ready}/{len(pod.get('spec', {}).get('containers', []))}"


def _pod_restarts(pod: KubeObject) -> int:
    return sum(status.get("restartCount", 0) for status in pod.get("status", {}).get("containerStatuses", []))


def _deployment_ready(deployment: KubeObject) -> str:
    return f"{deployment.get('status', {}).get('readyReplicas', 0)}/{deployment['spec'].get('replicas', 1)}"


def _field(section: str, name: str, missing: str | int = "<none>") -> Callable[[KubeObject], str | int]:
    def cell(item: KubeObject) -> str | int:
        value: str | int = item.get(section, {}).get(name, missing)
        return value

    return cell


def _data_count(item: KubeObject) -> int:
    return len(item.get("data") or {}) + len(item.get("binaryData") or {})


NAME = Column("Name", lambda item: str(item["metadata"]["name"]))
AGE = Column("Age", _age)
DATA = Column("Data", _data_count, kind="integer")

COLUMNS: dict[ResourceType, tuple[Column, ...]] = {
    resources.NAMESPACES: (NAME, Column("Status", lambda _: "Active"), AGE),
    resources.PODS: (
        NAME,
        Column("Ready", _pod_ready),
        Column("Status", _field("status", "phase", "Pending")),
        Column("Restarts", _pod_restarts, kind="integer"),
        AGE,
        Column("IP", _field("status", "podIP"), priority=1),
        Column("Node", _field("spec", "nodeName"), priority=1),
    ),
    resources.CONFIG_MAPS: (NAME, DATA, AGE),
    resources.SECRETS: (NAME, Column("Type", lambda item: str(item.get("type", "Opaque"))), DATA, AGE),
    resources.DEPLOYMENTS: (
        NAME,
        Column("Ready", _deployment_ready),
        Column("Up-to-date", _field("status", "updatedReplicas", 0), kind="integer"),
        Column("Available", _field("status", "availableReplicas", 0), kind="integer"),
        AGE,
    ),
}


def is_wanted(request: Request) -> bool:
    return "as=Table" in request.headers.get("accept", "")


def table(resource: ResourceType, items: Sequence[KubeObject], *, version: int, with_objects: bool) -> dict[str, Any]:
    """`with_objects` puts the whole object into each row, where otherwise its metadata stands."""
    columns = COLUMNS.get(resource, (NAME, AGE))
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": str(version)},
        "columnDefinitions": [
            {
                "name": column.name,
                "type": column.kind,
                "format": "name" if column is NAME else "",
                "description": "",
                "priority": column.priority,
            }
            for column in columns
        ],
        "rows": [
            {
                "cells": [column.cell(item) for column in columns],
                "object": item if with_objects else _metadata_only(item),
            }
            for item in items
        ],
    }


def _metadata_only(item: KubeObject) -> KubeObject:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}
