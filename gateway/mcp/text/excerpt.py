"""Shortens long output for a model: keeps whole lines of its head and its tail, and counts the lines between."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

REPLACEMENT = "\ufffd"
REPLACEMENT_BYTES = 3


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A shortened text. `resume_offset` is a byte of the stored stream at or before the start of the left-out part."""

    head: str
    tail: str
    left_out_lines: int
    left_out_characters: int
    resume_offset: int


def cost(text: str) -> int:
    """Returns the number of characters that the text takes in a JSON string."""
    return len(json.dumps(text, ensure_ascii=False)) - 2


def cut(text: str, most: int, *, head_share: float) -> Excerpt | None:
    """Returns head and tail of a text that costs more than `most` characters; None if the text fits.

    If no whole line fits, a line is cut.
    """
    if len(text) <= most and cost(text) <= most:
        return None
    lines = text.splitlines(keepends=True)
    head = _fitting(lines, int(most * head_share))
    tail = _fitting(reversed(lines[len(head) :]), most - sum(map(cost, head)))[::-1]
    left = lines[len(head) : len(lines) - len(tail)]
    if not head and not tail:
        return _cut_inside(text, most, head_share)
    left_out = "".join(left)
    whole_head = "".join(head)
    return Excerpt(whole_head, "".join(tail), len(left), len(left_out), _bytes_at_most(whole_head))


def _fitting(lines: Iterable[str], most: int) -> list[str]:
    taken: list[str] = []
    for line in lines:
        most -= cost(line)
        if most < 0:
            break
        taken.append(line)
    return taken


def _cut_inside(text: str, most: int, head_share: float) -> Excerpt:
    """Cuts inside a very long line, such as JSON without line breaks. A character takes at most six in JSON."""
    density = max(1.0, cost(text) / len(text))
    head = _shrunk(text[: int(most * head_share / density)], int(most * head_share))
    rest = most - int(most * head_share)
    tail = text[-int(rest / density) :]
    while cost(tail) > rest:
        tail = tail[len(tail) // 10 + 1 :]
    left_out = text[len(head) : len(text) - len(tail)]
    return Excerpt(head, tail, left_out.count("\n"), len(left_out), _bytes_at_most(head))


def _shrunk(head: str, most: int) -> str:
    while cost(head) > most:
        head = head[: -(len(head) // 10 + 1)]
    return head


def _bytes_at_most(text: str) -> int:
    """Returns at most the number of bytes that the text was made of: escapes were removed, invalid UTF-8 replaced."""
    return len(text.encode()) - (REPLACEMENT_BYTES - 1) * text.count(REPLACEMENT)
