"""Masks a sequence of JSON texts, as a watch prints them. Texts that need no change stay exactly as they are."""

import json

from shared.documents import Value
from worker.door.masking.tree import Accepts, Find, Masked, MaskingError

INDENT = 4
"""Spaces of indentation, as kubectl prints JSON."""
MAX_VALUES = 1_000_000
"""Largest number of values; reading them takes some 200 MB of memory and a few seconds."""
_BLANKS = " \t\r\n"
_DECODER = json.JSONDecoder()


def mask(text: str, find: Find, *, accepts: Accepts, drops_end: bool) -> Masked:
    """Masks the texts. Raises `MaskingError` for a text that is not JSON or that `accepts` rejects.

    With `drops_end` the output ends before such a text instead.
    """
    if sum(map(text.count, "{[,")) > MAX_VALUES:
        raise MaskingError(f"it has more than {MAX_VALUES} values: ask for fewer objects, or for a table")
    masked: list[str] = []
    count, at = 0, _after_blanks(text, 0)
    while at < len(text):
        try:
            root, end = _read(text, at)
            if not accepts(root):
                raise MaskingError("it contains JSON that is not a Kubernetes object")
        except MaskingError:
            if drops_end:
                break
            raise
        found = _change(root, find)
        count += found
        following = _after_blanks(text, end)
        masked.append(_written(root) + "\n" if found else text[at:following])
        at = following
    return Masked("".join(masked), count)


def _after_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _read(text: str, at: int) -> tuple[Value, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        pass
    # Not raised in the except block: the parser's exception contains the text and would become the context.
    raise MaskingError("it is not complete JSON")


def _change(root: Value, find: Find) -> int:
    changes = [change for change in find(root) if change.text != change.before]
    for change in changes:
        change.make()
    return len(changes)


def _written(root: Value) -> str:
    try:
        return json.dumps(root, indent=INDENT, ensure_ascii=False)
    except RecursionError:
        pass
    raise MaskingError("it is nested too deeply")
