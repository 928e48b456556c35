"""The kubeconfig that a command is given. It contains no credential, because the worker's door adds the caller's.

The functions take a kubeconfig as the gateway rebuilt it: JSON with one context.
"""

import json
from collections.abc import Mapping
from typing import Any

KEPT_BEHIND_THE_DOOR = ("disable-compression",)
"""Fields of the cluster that also mean something to a client of the door."""


def through_the_door(kubeconfig: str, url: str) -> str:
    """Returns the kubeconfig with the same names, in which the door is the server."""
    document: dict[str, Any] = json.loads(kubeconfig)
    [cluster] = document["clusters"]
    given: Mapping[str, Any] = cluster["cluster"]
    kept = {name: given[name] for name in KEPT_BEHIND_THE_DOOR if name in given}
    return _without_credentials(document, {"name": cluster["name"], "cluster": {"server": url, **kept}})


def for_local_use(kubeconfig: str) -> str:
    """Returns the kubeconfig with its real address, for a command that only prints it."""
    document: dict[str, Any] = json.loads(kubeconfig)
    [cluster] = document["clusters"]
    return _without_credentials(document, cluster)


def _without_credentials(document: Mapping[str, Any], cluster: Mapping[str, Any]) -> str:
    users = [{"name": user["name"], "user": {}} for user in document["users"]]
    return json.dumps({**document, "clusters": [cluster], "users": users})
