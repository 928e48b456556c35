"""Masks the releases that helm keeps in Secrets and ConfigMaps: https://helm.sh/docs/topics/advanced/#storage-backends

A release is JSON, packed by gzip and then in base64. It is opened, masked inside and packed again, so that helm reads
it. What cannot be opened soon is masked as a whole.
"""

import base64
import gzip
import json
from collections.abc import Iterator

from shared.documents import Value
from worker.door.masking import chart_values, manifests, messages, secret_objects
from worker.door.masking.budget import Budget, TooCostlyError, is_readable
from worker.door.masking.marks import mark
from worker.door.masking.tree import Change, MaskingError, children

PACKED = b"H4sI"
"""Beginning of every gzip stream in base64."""
_PACKED_IN_SECRET = base64.b64encode(PACKED + b"A" * 2)[:5]
FIELD = "release"
_FILES = ("templates", "files")


def masked(value: str, budget: Budget) -> str:
    """Returns the packed release with its values masked; a mark if it cannot be opened, or not within the budget."""
    is_in_secret = value.startswith(_PACKED_IN_SECRET.decode())
    try:
        return _masked(value, budget, is_in_secret=is_in_secret)
    except (MaskingError, RecursionError, TooCostlyError, ValueError):
        return mark(value, is_base64=True)


def opened(value: bytes, budget: Budget) -> bytes:
    """Returns what is packed in a value, as it is or once more in base64, as in a Secret.

    Raises `ValueError` if nothing is, and `TooCostlyError`.
    """
    return budget.unpack(base64.b64decode(base64.b64decode(value) if value.startswith(_PACKED_IN_SECRET) else value))


def changes(root: Value, budget: Budget) -> Iterator[Change]:
    """Yields changes of a release, or of its history, as helm stores and prints them. Raises `TooCostlyError`."""
    if isinstance(root, list):
        yield from (change for revision in root for change in _of_description(revision))
    if not isinstance(root, dict):
        return
    yield from _of_description(root.get("info"))
    yield from _of_resources(root.get("info"))
    yield from chart_values.changes(root.get("config"), budget)
    chart = root.get("chart")
    yield from chart_values.changes(chart.get("values") if isinstance(chart, dict) else None, budget)
    for owner in (root, *(hook for _, _, hook in children(root.get("hooks")) if isinstance(hook, dict))):
        manifest = owner.get("manifest")
        if isinstance(manifest, str) and (found := manifests.mask(manifest, budget)).count:
            yield Change(owner, "manifest", found.text)


def _masked(value: str, budget: Budget, *, is_in_secret: bool) -> str:
    content = opened(value.encode(), budget)
    if not is_readable(content):
        raise TooCostlyError
    release = json.loads(content)
    if not (isinstance(release, dict) and isinstance(release.get("info"), dict)):
        raise MaskingError("it is not a release")
    found = [*changes(release, budget), *_of_files(release.get("chart"))]
    made = [change.make() for change in found if change.text != change.before]
    if not made:
        return value
    written = json.dumps(release, separators=(",", ":")).encode()
    packed = base64.b64encode(gzip.compress(written, compresslevel=1, mtime=0))
    return (base64.b64encode(packed) if is_in_secret else packed).decode()


def _of_files(chart: Value) -> Iterator[Change]:
    """Yields changes of the chart's own files, in base64. Nothing but another installation needs them."""
    for name in _FILES:
        for _, _, file in children(chart.get(name) if isinstance(chart, dict) else None):
            if isinstance(file, dict) and isinstance(file.get("data"), str):
                yield Change(file, "data", mark(file["data"], is_base64=True))


def _of_description(owner: Value) -> Iterator[Change]:
    """Yields the change of the description, which may quote the error of a failed release."""
    description = owner.get("description") if isinstance(owner, dict) else None
    if isinstance(owner, dict) and isinstance(description, str):
        yield Change(owner, "description", messages.mask(description).text)


def _of_resources(info: Value) -> Iterator[Change]:
    """Yields changes of the release's objects in the cluster, which are listed under names such as `v1/Secret`."""
    resources = info.get("resources") if isinstance(info, dict) else None
    for _, name, listed in children(resources):
        is_secret = secret_objects.KIND in str(name)
        yield from secret_objects.changes({"kind": secret_objects.LIST_KIND, "items": listed} if is_secret else listed)
