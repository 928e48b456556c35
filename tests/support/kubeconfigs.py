"""Kubeconfigs for tests that never reach a cluster, with canaries in them: words that must come out nowhere."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from tests.support.leaks import leaks as found

CANARIES = ("canary-host", "canary-cluster", "canary-user", "canary-token", "canary-authority", "canary-namespace")
SERVER = "https://canary-host.example:6443"
CONTEXTS = ("here", "there")
"""The names of contexts are the one part of a kubeconfig that messages show."""


def text(*, cluster: Mapping[str, Any] | None = None, user: Mapping[str, Any] | None = None, **changes: Any) -> str:
    """A kubeconfig that can be used, but for the changes: fields of its cluster, of its user, of itself."""
    authority = base64.b64encode(b"canary-authority").decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": CONTEXTS[0],
        "clusters": [
            {
                "name": "canary-cluster",
                "cluster": {"server": SERVER, "certificate-authority-data": authority, **(cluster or {})},
            }
        ],
        "users": [{"name": "canary-user", "user": {"token": "canary-token", **(user or {})}}],
        "contexts": [{"name": name, "context": _context()} for name in CONTEXTS],
        **changes,
    }
    return json.dumps(config)


def encoded(**changes: Any) -> str:
    """As `X-Kubeconfig` has it."""
    return base64.b64encode(text(**changes).encode()).decode()


def leaks(seen: str) -> list[str]:
    """The canaries that a text holds, plain or in base64."""
    return found(seen, *CANARIES)


def _context() -> dict[str, str]:
    return {"cluster": "canary-cluster", "user": "canary-user", "namespace": "canary-namespace"}
