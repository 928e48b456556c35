"""Masks YAML documents. Only the masked scalars are replaced; every other character stays as it was printed.

The masked document is read and checked again. If a value was missed, the document is withheld.
"""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from worker.door.masking import secret_objects
from worker.door.masking.budget import Budget
from worker.door.masking.spanned_yaml import Scalar, read
from worker.door.masking.tree import Accepts, Change, Find, Masked, MaskingError

SEPARATOR = re.compile(r"^---(?=\s|$)", re.MULTILINE)
MAX_DOCUMENTS = 20_000
"""Largest number of documents, because a document takes longer to read than its characters alone."""
_SPELLINGS = (secret_objects.KIND, "\\")
"""A text without any of these has no scalar that reads Secret."""
_AFTER_BLOCK = re.compile(r"\n[ \t]*\Z")


def documents(text: str) -> list[str]:
    """Returns the documents of a stream, each with the `---` before it. Raises `MaskingError` for too many."""
    starts = [match.start() for match in itertools.islice(SEPARATOR.finditer(text), MAX_DOCUMENTS + 1)]
    if len(starts) > MAX_DOCUMENTS:
        raise MaskingError(f"it has more than {MAX_DOCUMENTS} documents")
    bounds = [*dict.fromkeys((0, *starts)), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(bounds) if end > start]


def mask(text: str, find: Find, budget: Budget) -> str:
    """Masks all documents of a stream. Raises `TooCostlyError`, and `MaskingError` if it is no YAML or was cut off."""
    if text and not text.endswith("\n"):
        raise MaskingError("it ends in the middle of a line")
    masker = DocumentMasker(find, accepts=lambda _: True, budget=budget)
    return Masked.joined(map(masker.mask, documents(text))).text


@dataclass(frozen=True, slots=True)
class DocumentMasker:
    """Masks documents one by one."""

    find: Find
    accepts: Accepts
    budget: Budget

    def mask(self, piece: str) -> Masked:
        """Masks one document. Raises `TooCostlyError`, and `MaskingError` if it is no YAML or has a refused root."""
        changes = self._changes(piece)
        if not changes:
            return Masked(piece, 0)
        masked = _replaced(piece, changes)
        if self._changes(masked):
            raise MaskingError("a value would have stayed unmasked")
        return Masked(masked, len(changes))

    def _changes(self, piece: str) -> list[Change]:
        """Returns the changes that are not made yet."""
        document = read(piece, self.budget)
        roots = [root for root in document.roots if root not in (None, "")]
        if not all(map(self.accepts, roots)):
            raise MaskingError("it contains a document that is not a Kubernetes object")
        changes = [change for root in roots for change in self.find(root) if change.text != change.before]
        if document.is_linked and (changes or any(spelling in piece for spelling in _SPELLINGS)):
            raise MaskingError("it uses YAML aliases or merge keys, which can repeat a value elsewhere")
        return changes


def _replaced(text: str, changes: list[Change]) -> str:
    return "".join(_pieces(text, changes))


def _pieces(text: str, changes: list[Change]) -> Iterator[str]:
    at = 0
    for scalar, replacement in sorted(((_scalar(change), change.text) for change in changes), key=_place):
        if scalar.start < at:
            raise MaskingError("two values have the same position")
        yield text[at : scalar.start]
        yield json.dumps(replacement, ensure_ascii=False)
        # A block scalar ends with the indentation of what follows it.
        following = _AFTER_BLOCK.search(text[scalar.start : scalar.end])
        yield following.group() if following else ""
        at = scalar.end
    yield text[at:]


def _place(found: tuple[Scalar, str]) -> int:
    return found[0].start


def _scalar(change: Change) -> Scalar:
    if isinstance(change.before, Scalar):
        return change.before
    raise MaskingError("a value has no position")
