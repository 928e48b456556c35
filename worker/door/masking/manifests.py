"""Masks the Secrets among the YAML documents that a chart has rendered."""

import re

from shared.documents import Value
from worker.door.masking import secret_objects
from worker.door.masking.budget import Budget
from worker.door.masking.tree import Masked, MaskingError
from worker.door.masking.yaml_text import DocumentMasker, documents

WITHHELD = "# [masked: this document cannot be read as YAML]\n"
_KIND = re.compile(r"^kind:", re.MULTILINE)
_SPELLINGS = (secret_objects.KIND, "\\", "!", "*")
"""A YAML text without any of these cannot contain the word Secret."""


def mask(text: str, budget: Budget) -> Masked:
    """Masks each document. A document that cannot be read is withheld, and the others are shown.

    Raises `MaskingError` for too many documents, and `TooCostlyError`.
    """
    masker = DocumentMasker(secret_objects.changes, accepts=_is_manifest, budget=budget)
    return Masked.joined(_document(piece, masker) for piece in documents(text))


def _document(piece: str, masker: DocumentMasker) -> Masked:
    if _KIND.search(piece) and not any(spelling in piece for spelling in _SPELLINGS):
        return Masked(piece, 0)
    try:
        return masker.mask(piece)
    except MaskingError:
        return Masked(("---\n" if piece.startswith("---") else "") + WITHHELD, 1)


def _is_manifest(root: Value) -> bool:
    """Returns whether the document can be masked. Plain text counts too, because it contains no values."""
    return isinstance(root, str) or secret_objects.is_object(root)
