"""Words of a cluster as part of one line: whoever wrote them, they are short and print nothing but themselves."""

from collections.abc import Iterable

MOST_CHARACTERS = 160


def short(words: object) -> str:
    """One line of at most `MOST_CHARACTERS`, without control characters; empty for what is no text."""
    text = words if isinstance(words, str) else ""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= MOST_CHARACTERS else f"{line[: MOST_CHARACTERS - 1]}…"


def with_detail(reason: str, detail: str) -> str:
    """`reason (detail)`, or the reason alone."""
    return f"{reason} ({detail})" if detail and detail != reason else reason


def listed(items: Iterable[str], *, most: int) -> str:
    """The first of them, and how many more there are."""
    found = list(items)
    shown = "; ".join(found[:most])
    return f"{shown}; and {len(found) - most} more" if len(found) > most else shown
