"""Tells the objects in which helm keeps its releases, and what is masked in them."""

import re
from collections.abc import Iterator

from shared.documents import Value
from worker.door.masking import releases
from worker.door.masking.budget import Budget
from worker.door.masking.marks import mark
from worker.door.masking.tree import Change, children
from worker.door.requests.releases import PREFIX, TYPE

_OWNER = ("owner", "helm")
_STORED = re.compile(rb'owner[\\":\s]{1,64}helm|sh\.helm\.release\.v1|helm\.sh\\?/release\.v1')
"""What is in each of these objects, and where one is quoted."""


def may_be_in(content: bytes) -> bool:
    """Whether a text may hold a release, or write one."""
    return _STORED.search(content) is not None


def with_opened(secret: dict[str, Value], changes: Iterator[Change], budget: Budget) -> Iterator[Change]:
    """Yields the changes of a Secret. The release in it is opened, and masked inside."""
    values = secret.get("data") if secret.get("type") == TYPE else None
    for change in changes:
        is_release = change.container is values and change.key == releases.FIELD
        yield change._replace(text=releases.masked(str(change.before), budget)) if is_release else change


def changes_of_config_map(config_map: dict[str, Value], budget: Budget) -> Iterator[Change]:
    """Yields the changes of a ConfigMap: of the release in it, and of annotations that repeat that."""
    metadata, values = config_map.get("metadata"), config_map.get("data")
    if not isinstance(metadata, dict) or not _is_of_helm(metadata):
        return
    if isinstance(values, dict) and isinstance(values.get(releases.FIELD), str):
        yield Change(values, releases.FIELD, releases.masked(str(values[releases.FIELD]), budget))
    annotations = metadata.get("annotations")
    for owner, name, value in children(annotations):
        if isinstance(value, str) and releases.PACKED.decode() in value:
            yield Change(owner, name, mark(value))


def _is_of_helm(metadata: dict[str, Value]) -> bool:
    labels = metadata.get("labels")
    is_labelled = isinstance(labels, dict) and _OWNER in labels.items()
    return is_labelled or str(metadata.get("name")).startswith(PREFIX)
