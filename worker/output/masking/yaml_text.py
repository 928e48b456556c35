"""Masks YAML documents: only the masked scalars are replaced, and every other character stays as it was printed.

What was masked is read again and judged again: a place that was missed withholds the document.
"""

import itertools
import json
import re
from collections.abc import Iterator

from worker.output.masking import secret_objects
from worker.output.masking.spanned_yaml import Scalar, read
from worker.output.masking.tree import Accepts, Change, Find, Masked, MaskingError

SEPARATOR = re.compile(r"^---(?=\s|$)", re.MULTILINE)
MAX_DOCUMENTS = 20_000
"""Each costs more than its characters do."""
_SPELLINGS = (secret_objects.KIND, "\\")
"""Without one of these no scalar says Secret."""
_AFTER_BLOCK = re.compile(r"\n[ \t]*\Z")


def documents(text: str) -> list[str]:
    """The pieces of a stream, each with the `---` that begins it. `MaskingError` for too many."""
    starts = [match.start() for match in itertools.islice(SEPARATOR.finditer(text), MAX_DOCUMENTS + 1)]
    if len(starts) > MAX_DOCUMENTS:
        raise MaskingError(f"it has more than {MAX_DOCUMENTS} documents")
    bounds = [*dict.fromkeys((0, *starts)), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(bounds) if end > start]


def mask(text: str, find: Find, *, accepts: Accepts, drops_end: bool) -> Masked:
    """`MaskingError` for what is no YAML, or not `accepts`ed; with `drops_end` the text ends before the last such."""
    pieces = documents(text)
    masked: list[Masked] = []
    for number, piece in enumerate(pieces, start=1):
        try:
            require_end(piece)
            masked.append(mask_document(piece, find, accepts=accepts))
        except MaskingError:
            if not (drops_end and number == len(pieces)):
                raise
    return Masked.joined(masked)


def require_end(text: str) -> None:
    """`MaskingError` for a text that was cut off in a line, which may read as another word then: `kind: Secre`."""
    if text and not text.endswith("\n"):
        raise MaskingError("it ends in the middle of a line")


def mask_document(piece: str, find: Find, *, accepts: Accepts) -> Masked:
    """One piece of a stream. `MaskingError` as above."""
    changes = _changes(piece, find, accepts)
    if not changes:
        return Masked(piece, 0)
    masked = _replaced(piece, changes)
    if _changes(masked, find, accepts):
        raise MaskingError("a value would have stayed in it")
    return Masked(masked, len(changes))


def _changes(piece: str, find: Find, accepts: Accepts) -> list[Change]:
    """Those that are still to be made."""
    document = read(piece)
    roots = [root for root in document.roots if root not in (None, "")]
    if not all(map(accepts, roots)):
        raise MaskingError("it holds a document that is no object of a cluster")
    changes = [change for root in roots for change in find(root) if change.text != change.before]
    if document.is_linked and (changes or any(spelling in piece for spelling in _SPELLINGS)):
        raise MaskingError("it uses YAML aliases or merge keys, with which a value may stand elsewhere")
    return changes


def _replaced(text: str, changes: list[Change]) -> str:
    return "".join(_pieces(text, changes))


def _pieces(text: str, changes: list[Change]) -> Iterator[str]:
    at = 0
    for scalar, replacement in sorted(((_scalar(change), change.text) for change in changes), key=_place):
        if scalar.start < at:
            raise MaskingError("two values have one place in it")
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
    raise MaskingError("a value has no place in it")
