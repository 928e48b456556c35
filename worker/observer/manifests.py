"""Selects documents of a release's manifests without parsing YAML. kubectl parses them in its sandbox.

Documents of kinds that no command waits for, and all Secrets, are left out.
"""

import re
from dataclasses import dataclass

AWAITED_KINDS = frozenset(
    {
        *("DaemonSet", "Deployment", "Job", "PersistentVolumeClaim", "Pod", "ReplicaSet", "ReplicationController"),
        *("Service", "StatefulSet"),
    }
)
MOST_DOCUMENTS = 100
"""Most documents that a look gets, because kubectl requests each object separately."""
SEPARATOR = re.compile(rb"^---.*$", re.MULTILINE)
KIND = re.compile(rb"^kind:[ \t]*[\"']?([A-Za-z]+)", re.MULTILINE)
HOOK = re.compile(rb"^[ \t]+[\"']?helm\.sh/hook[\"']?:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Manifests:
    """Documents to look for. Those in `expected` exist once the release is installed, while hooks come and go."""

    documents: bytes
    expected: int

    @classmethod
    def of(cls, output: bytes) -> "Manifests":
        found = [document for document in SEPARATOR.split(output) if _is_awaited(document)][:MOST_DOCUMENTS]
        expected = sum(1 for document in found if not HOOK.search(document))
        return cls(b"".join(b"---\n" + document.strip() + b"\n" for document in found), expected)


def _is_awaited(document: bytes) -> bool:
    kind = KIND.search(document)
    return kind is not None and kind.group(1).decode() in AWAITED_KINDS
