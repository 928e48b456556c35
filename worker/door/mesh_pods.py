"""Tells the pods to which a read of istioctl may open a tunnel: those of istiod, and those with a proxy of the mesh."""

import json
from typing import Any

from worker.door import forwarding
from worker.door.http.errors import BadRequestError, ServerError
from worker.door.http.request_target import Target
from worker.door.requests.request_info import RequestInfo
from worker.door.visits.visit import Visit

MOST_POD_BYTES = 2 * 1024 * 1024
_OK = 200
_PROXY = "istio-proxy"
_CONTROL_PLANE = ("app", frozenset({"istiod", "ztunnel"}))
"""Label of the pods that istioctl asks besides proxies: istiod, and the node proxy of the ambient mode."""


async def is_of_mesh(visit: Visit, info: RequestInfo) -> bool:
    """Asks the server whether the request's pod belongs to Istio."""
    if (info.group, info.resource) != ("", "pods") or not info.namespace or not info.name:
        return False
    path = f"/api/v1/namespaces/{info.namespace}/pods/{info.name}"
    try:
        status, body = await forwarding.ask(visit, Target("", path, ()), most_bytes=MOST_POD_BYTES)
    except (ServerError, BadRequestError):
        return False
    return status == _OK and _belongs(body)


def _belongs(body: bytes) -> bool:
    try:
        pod = json.loads(body)
        label, values = _CONTROL_PLANE
        containers = [*_of(pod["spec"], "containers"), *_of(pod["spec"], "initContainers")]
        names = {container["name"] for container in containers}
        return _PROXY in names or (pod["metadata"].get("labels") or {}).get(label) in values
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False


def _of(spec: dict[str, Any], field: str) -> list[Any]:
    return spec.get(field) or []
