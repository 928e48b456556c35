"""Masks the releases that helm keeps in Secrets and ConfigMaps: https://helm.sh/docs/topics/advanced/#storage-backends

A release is JSON, packed by gzip and then in base64. It is opened, masked inside and packed again, so that helm reads
it. What cannot be opened is masked as a whole.
"""

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Iterator

from shared.documents import Value
from worker.door.masking import chart_values, manifests, messages, secret_objects
from worker.door.masking.marks import mark
from worker.door.masking.tree import Change, MaskingError, children

PACKED = b"H4sI"
"""Beginning of every gzip stream in base64."""
_PACKED_IN_SECRET = base64.b64encode(PACKED + b"A" * 2)[:5]
MOST_UNPACKED_BYTES = 32 * 1024 * 1024
"""Longest release that is opened. etcd stores no more than 1.5 MiB of it packed."""
_GZIP = 16 + zlib.MAX_WBITS
_FILES = ("templates", "files")


class TooLongError(ValueError):
    """A release is longer than what is opened, or has no end."""


def is_packed(value: str) -> bool:
    """Whether a value may be a release, as it is or once more in base64, as in a Secret."""
    return value.startswith((PACKED.decode(), _PACKED_IN_SECRET.decode()))


def masked(value: str) -> str | None:
    """Returns the packed release with its values masked; None if the value is no release.

    What may be a release, but is too long, becomes a mark.
    """
    try:
        return _masked(value)
    except TooLongError:
        return mark(value, is_base64=value.startswith(_PACKED_IN_SECRET.decode()))
    except (binascii.Error, MaskingError, RecursionError, ValueError):
        return None


def masked_text(quoted: bytes) -> bytes:
    """Returns a text of a ConfigMap, in its quotes, with the release in it masked. What is no release stays."""
    value = quoted.strip(b'"\\')
    found = masked(value.decode("latin-1"))
    return quoted if found is None else quoted.replace(value, found.encode(), 1)


def decoded(value: bytes) -> bytes:
    """Returns what a value in base64 is. Raises `ValueError` if it is not base64."""
    return base64.b64decode(value)


def opened(packed: bytes) -> bytes:
    """Returns the content of a gzip stream in base64, up to the limit. Raises `ValueError` if it is none."""
    unpacker = zlib.decompressobj(_GZIP)
    try:
        content = unpacker.decompress(base64.b64decode(packed), MOST_UNPACKED_BYTES)
    except zlib.error:
        raise ValueError("it is not packed by gzip") from None
    if not unpacker.eof:
        raise TooLongError
    return content


def changes(root: Value) -> Iterator[Change]:
    """Yields changes of a release, or of its history, as helm stores and prints them."""
    if isinstance(root, list):
        yield from (change for revision in root for change in _of_description(revision))
    if not isinstance(root, dict):
        return
    yield from _of_description(root.get("info"))
    yield from _of_resources(root.get("info"))
    yield from chart_values.changes(root.get("config"))
    chart = root.get("chart")
    yield from chart_values.changes(chart.get("values") if isinstance(chart, dict) else None)
    for owner in (root, *(hook for _, _, hook in children(root.get("hooks")) if isinstance(hook, dict))):
        manifest = owner.get("manifest")
        if isinstance(manifest, str) and (found := manifests.mask(manifest)).count:
            yield Change(owner, "manifest", found.text)


def _masked(value: str) -> str | None:
    is_in_secret = value.startswith(_PACKED_IN_SECRET.decode())
    release = json.loads(opened(base64.b64decode(value) if is_in_secret else value.encode()))
    if not (isinstance(release, dict) and isinstance(release.get("info"), dict)):
        return None
    found = [*changes(release), *_of_files(release.get("chart"))]
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
