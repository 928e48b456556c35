"""Masks what an error message quotes: if a patch does not fit, the API server quotes the whole Secret.

Programs quote each other's messages and add a level of backslashes each time. A quotation ends at a quote with as many
backslashes before it as the opening quote has.
"""

import re
from collections.abc import Iterator

from shared.documents import Value
from worker.door.masking.marks import mark
from worker.door.masking.secret_objects import KIND
from worker.door.masking.tree import Change, Masked, children

_VALUE = re.compile(
    r"(?P<before>(?:Invalid|Unsupported|Duplicate) value: )"
    r"(?:(?P<quote>\\*\")(?P<value>.*?)(?<!\\)(?P=quote)|(?P<rest>[^\s\d-].*))"
)
"""A quoted value, or an unquoted one up to the end of the line. Numbers are left out; Secrets have no numbers."""


def quotations(text: str) -> Masked:
    """Masks each quoted value of a message about a Secret. Never fails."""
    return Masked(*_VALUE.subn(_marked, text))


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


def _marked(found: re.Match[str]) -> str:
    if found["quote"] is None:
        return found["before"] + mark(found["rest"])
    return f"{found['before']}{found['quote']}{mark(found['value'])}{found['quote']}"
