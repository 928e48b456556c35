"""Masks the output of helm: Secrets in manifests, credentials in values, and both in a release."""

import itertools
import re
from collections.abc import Iterator

from worker.door.masking import chart_values, messages, releases, yaml_text
from worker.door.masking import manifests as door_manifests
from worker.door.masking.tree import Masked
from worker.output.masking.text import mask as mask_text

_HEADING = re.compile(r"^(USER-SUPPLIED VALUES|COMPUTED VALUES|HOOKS|MANIFEST|NOTES):[ \t]*$\n?", re.MULTILINE)
_VALUES_HEADING = re.compile(r"\A\s*(USER-SUPPLIED|COMPUTED) VALUES:\n")


def manifests(text: str) -> Masked:
    """Masks each document. A document that cannot be read is withheld, and the others are shown.

    Raises `MaskingError` if the text was cut off.
    """
    yaml_text.require_end(text)
    return door_manifests.mask(text)


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
    return mask_text(text, releases.changes)


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
