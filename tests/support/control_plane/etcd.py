"""What an API server has stored, read from etcd itself: https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/"""

import base64
import json
import re
from collections.abc import Mapping

import httpx

TIMEOUT_S = 60.0
_EVERYTHING = base64.b64encode(b"\0").decode()
_ON_ITS_OWN = re.compile(r"/[0-9]+/(?:events|leases|peerserverleases)/.*|compact_rev_key")
"""Keys that say nothing about what a client has changed: the API server renews its leases every ten seconds and notes
how far it has compacted, and an event tells of something. Without controllers it writes nothing else by itself."""

_APPLICATION = re.compile(r"/[0-9]+/argoproj\.io/applications/.*")


def dump(url: str) -> dict[str, tuple[str, str]]:
    """Returns the revision and the value of each key, but for those that change without a client."""
    answer = httpx.post(
        f"{url}/v3/kv/range", json={"key": _EVERYTHING, "range_end": _EVERYTHING}, timeout=TIMEOUT_S, trust_env=False
    )
    found = answer.raise_for_status().json()["kvs"]
    pairs = ((base64.b64decode(each["key"]).decode(), each) for each in found)
    return {key: _held(key, each) for key, each in pairs if not _ON_ITS_OWN.match(key)}


def _held(key: str, found: Mapping[str, str]) -> tuple[str, str]:
    """Returns revision and value. Of an Application only what is asked of it and done: Argo CD notes what it compares.

    That is when it has compared the Application with its repository, what it has found, and that it was asked to.
    """
    value = found.get("value", "")
    if not _APPLICATION.match(key):
        return found["mod_revision"], value
    application = json.loads(base64.b64decode(value))
    status, metadata = application.get("status", {}), application["metadata"]
    parts = [application["spec"], application.get("operation"), status.get("operationState"), status.get("history")]
    return "", json.dumps([*parts, metadata.get("labels"), metadata.get("finalizers")])


def differences(before: Mapping[str, tuple[str, str]], after: Mapping[str, tuple[str, str]]) -> list[str]:
    """Returns the keys that were created, written or deleted in between."""
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
