"""Masks the output of helm: Secrets in manifests, credentials in values, and both in a release."""

import itertools
import re
from collections.abc import Iterator

from shared.documents import Value
from worker.output.masking import chart_values, messages, secret_objects, yaml_text
from worker.output.masking.text import mask as mask_text
from worker.output.masking.tree import Change, Masked, MaskingError, children

WITHHELD = "# [masked: this document cannot be read as YAML]\n"
_HEADING = re.compile(r"^(USER-SUPPLIED VALUES|COMPUTED VALUES|HOOKS|MANIFEST|NOTES):[ \t]*$\n?", re.MULTILINE)
_VALUES_HEADING = re.compile(r"\A\s*(USER-SUPPLIED|COMPUTED) VALUES:\n")
_KIND = re.compile(r"^kind:", re.MULTILINE)
_SPELLINGS = (secret_objects.KIND, "\\", "!", "*")
"""A YAML text without any of these cannot contain the word Secret."""


def manifests(text: str) -> Masked:
    """Masks each document. A document that cannot be read is withheld, and the others are shown.

    Raises `MaskingError` if the text was cut off.
    """
    yaml_text.require_end(text)
    return _manifests(text)


def values(text: str) -> Masked:
    """Masks the output of `get values`. Raises `MaskingError` if it is neither JSON nor YAML."""
    heading = _VALUES_HEADING.match(text)
    start = heading.end() if heading else 0
    masked = mask_text(text[start:], chart_values.changes)
    return Masked(text[:start] + masked.text, masked.count)


def release(text: str) -> Masked:
    """Masks a release in helm's text format. Raises `MaskingError` if a section does not match its heading."""
    return Masked.joined(_section(name, body) for name, body in _sections(text))


def release_object(text: str) -> Masked:
    """Masks a release, or its history, as JSON or YAML. Raises `MaskingError` if it is neither."""
    return mask_text(text, _release_changes)


def _manifests(text: str) -> Masked:
    return Masked.joined(map(_document, yaml_text.documents(text)))


def _document(piece: str) -> Masked:
    if _KIND.search(piece) and not any(spelling in piece for spelling in _SPELLINGS):
        return Masked(piece, 0)
    try:
        return yaml_text.mask_document(piece, secret_objects.changes, accepts=_is_manifest)
    except MaskingError:
        return Masked(("---\n" if piece.startswith("---") else "") + WITHHELD, 1)


def _is_manifest(root: Value) -> bool:
    """Returns whether the document can be masked. Plain text counts too, because it contains no values."""
    return isinstance(root, str) or secret_objects.is_object(root)


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """Yields name and text, with heading, of each section. The first section has no name.

    The chart's notes are the last section. An earlier NOTES heading is part of another section.
    """
    headings = list(_HEADING.finditer(text))
    notes = max((place for place, heading in enumerate(headings) if heading[1] == "NOTES"), default=len(headings))
    headings = [heading for heading in headings[: notes + 1] if heading[1] != "NOTES" or heading is headings[notes]]
    bounds = [0, *(heading.start() for heading in headings), len(text)]
    names = ["", *(heading[1] for heading in headings)]
    for name, (start, end) in zip(names, itertools.pairwise(bounds), strict=True):
        yield name, text[start:end]


def _section(name: str, text: str) -> Masked:
    if name == "NOTES":
        return Masked(text, 0)
    if not name:
        return messages.mask(text)
    heading, _, body = text.partition("\n")
    masked = manifests(body) if name in ("HOOKS", "MANIFEST") else values(body)
    return Masked(f"{heading}\n{masked.text}", masked.count)


def _release_changes(root: Value) -> Iterator[Change]:
    if isinstance(root, list):
        yield from (change for revision in root for change in _description_changes(revision))
    if not isinstance(root, dict):
        return
    yield from _description_changes(root.get("info"))
    yield from _resource_changes(root.get("info"))
    yield from chart_values.changes(root.get("config"))
    chart = root.get("chart")
    yield from chart_values.changes(chart.get("values") if isinstance(chart, dict) else None)
    for owner in (root, *(hook for _, _, hook in children(root.get("hooks")) if isinstance(hook, dict))):
        manifest = owner.get("manifest")
        if isinstance(manifest, str) and (masked := _manifests(manifest)).count:
            yield Change(owner, "manifest", masked.text)


def _description_changes(owner: Value) -> Iterator[Change]:
    """Yields the change of the description, which may quote the error of a failed release."""
    description = owner.get("description") if isinstance(owner, dict) else None
    if isinstance(owner, dict) and isinstance(description, str):
        yield Change(owner, "description", messages.mask(description).text)


def _resource_changes(info: Value) -> Iterator[Change]:
    """Yields changes of the release's objects in the cluster, which are listed under names such as `v1/Secret`."""
    resources = info.get("resources") if isinstance(info, dict) else None
    for _, name, listed in children(resources):
        is_secret = secret_objects.KIND in str(name)
        yield from secret_objects.changes({"kind": secret_objects.LIST_KIND, "items": listed} if is_secret else listed)
