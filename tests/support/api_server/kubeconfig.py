"""The kubeconfig that a client gets: everything inline, no path in it."""

import base64
from collections.abc import Mapping
from typing import Any

import yaml

DEFAULT_CONTEXTS = {"test": "default", "other": "other"}
"""Context name → namespace. The first one is current."""


def text(url: str, ca_pem: bytes, token: str, contexts: Mapping[str, str]) -> str:
    """`contexts` maps a context's name to its namespace; the first one is current."""
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": next(iter(contexts)),
        "clusters": [{"name": "test", "cluster": _cluster(url, ca_pem)}],
        "users": [{"name": "tester", "user": {"token": token}}],
        "contexts": [
            {"name": name, "context": {"cluster": "test", "user": "tester", "namespace": namespace}}
            for name, namespace in contexts.items()
        ],
    }
    rendered: str = yaml.safe_dump(config, sort_keys=False)
    return rendered


def _cluster(url: str, ca_pem: bytes) -> dict[str, str]:
    return {"server": url, "certificate-authority-data": base64.b64encode(ca_pem).decode()}
