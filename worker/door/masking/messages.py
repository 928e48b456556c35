"""Masks what an error message quotes: if a patch does not fit, the API server quotes the whole Secret.

Programs quote each other's messages and add a level of backslashes each time. A quotation ends at a quote with as many
backslashes before it as the opening quote has, and those of backslashes at the end of the value.
"""

import re
from collections.abc import Iterator

from shared.documents import Value
from worker.door.masking.marks import mark
from worker.door.masking.secret_objects import KIND
from worker.door.masking.tree import Change, Masked, children

_VALUE = re.compile(r"(?:Invalid|Unsupported|Duplicate) value: (?:(?P<quote>\\*\")|(?=[^\s\d-]))")
"""Beginning of a value, quoted or not. Numbers are left out; Secrets have no numbers."""
_QUOTE = re.compile(r"(?<!\\)\\*+\"")


def quotations(text: str) -> Masked:
    """Masks each quoted value of a message about a Secret. Never fails."""
    parts: list[str] = []
    count, at = 0, 0
    while found := _VALUE.search(text, at):
        start, end = _span(text, found)
        parts += (text[at:start], mark(text[start:end]))
        count, at = count + 1, end
    return Masked("".join((*parts, text[at:])), count)


def mask(text: str) -> Masked:
    """Masks a complete text. After the word Secret, everything may be about a Secret. Never fails."""
    start = text.find(KIND)
    if start < 0:
        return Masked(text, 0)
    start = text.rfind("\n", 0, start) + 1
    masked = quotations(text[start:])
    return Masked(text[:start] + masked.text, masked.count)


def of_status(status: dict[str, Value]) -> Iterator[Change]:
    """Yields changes of the messages of a `Status` about a Secret."""
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    for told in (status, *(cause for _, _, cause in children(causes) if isinstance(cause, dict))):
        message = told.get("message")
        if isinstance(message, str):
            yield Change(told, "message", quotations(message).text)


def _span(text: str, found: re.Match[str]) -> tuple[int, int]:
    """Returns where a value begins and ends. One that is not quoted, or has no end, ends with the line."""
    line_end = text.find("\n", found.end())
    line_end = len(text) if line_end < 0 else line_end
    if found["quote"] is None:
        return found.end(), line_end
    escapes = len(found["quote"]) - 1
    of_backslash = 2 * (escapes + 1)
    for quote in _QUOTE.finditer(text, found.end(), line_end):
        more = len(quote[0]) - 1 - escapes
        if more >= 0 and more % of_backslash == 0:
            return found.end(), quote.end() - escapes - 1
    return found.start("quote"), line_end
