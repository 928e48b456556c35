"""Long output as a model reads it: its head and its tail, whole lines, and between them what is left out."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

REPLACEMENT = "\ufffd"
REPLACEMENT_BYTES = 3


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What is left of a text. `resume_offset`: a byte of the stored stream at which the left-out part has not begun."""

    head: str
    tail: str
    left_out_lines: int
    left_out_characters: int
    resume_offset: int


def cost(text: str) -> int:
    """Characters that the text takes as part of a JSON string."""
    return len(json.dumps(text, ensure_ascii=False)) - 2


def cut(text: str, most: int, *, head_share: float) -> Excerpt | None:
    """Head and tail of a text that costs more than `most`; None for one that fits.

    Where the one line at the cut is longer than its share, it is cut inside.
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
    """For lines without an end, such as JSON in one: six characters of JSON at the most stand for one."""
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
    """Never more than the bytes that this was made of: escapes were taken out, and what was no UTF-8 replaced."""
    return len(text.encode()) - (REPLACEMENT_BYTES - 1) * text.count(REPLACEMENT)
