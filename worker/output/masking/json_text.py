"""Masks JSON texts, one behind the other as a watch prints them. What needs no change keeps its spelling."""

import json

from shared.documents import Value
from worker.output.masking.tree import Accepts, Find, Masked, MaskingError

INDENT = 4
"""As kubectl prints it."""
MAX_VALUES = 1_000_000
"""Some 200 MB of memory, and a few seconds."""
_BLANKS = " \t\r\n"
_DECODER = json.JSONDecoder()


def mask(text: str, find: Find, *, accepts: Accepts, drops_end: bool) -> Masked:
    """`MaskingError` for what is no JSON or not `accepts`ed; with `drops_end` the text ends before it instead."""
    if sum(map(text.count, "{[,")) > MAX_VALUES:
        raise MaskingError(f"it has more than {MAX_VALUES} values: ask for fewer objects, or for a table")
    masked: list[str] = []
    count, at = 0, _after_blanks(text, 0)
    while at < len(text):
        try:
            root, end = _read(text, at)
            if not accepts(root):
                raise MaskingError("it holds JSON that is no object of a cluster")
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
    # Raised here and not above: the parser's exception holds the text, and would become its context.
    raise MaskingError("it is no complete JSON")


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
    raise MaskingError("it is nested too deep")
