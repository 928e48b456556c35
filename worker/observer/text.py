"""Makes untrusted texts of a cluster short and safe to print as part of one line."""

from collections.abc import Iterable

MOST_CHARACTERS = 160


def short(words: object) -> str:
    """Returns one line of at most `MOST_CHARACTERS` without control characters; empty if the value is not text."""
    text = words if isinstance(words, str) else ""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= MOST_CHARACTERS else f"{line[: MOST_CHARACTERS - 1]}…"


def with_detail(reason: str, detail: str) -> str:
    """Returns `reason (detail)`, or only the reason if there is no detail."""
    return f"{reason} ({detail})" if detail and detail != reason else reason


def listed(items: Iterable[str], *, most: int) -> str:
    """Returns the first `most` items and the number of the others."""
    found = list(items)
    shown = "; ".join(found[:most])
    return f"{shown}; and {len(found) - most} more" if len(found) > most else shown
