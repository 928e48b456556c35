"""Parses the Prefer header (RFC 7240), which says how long a caller waits for the result."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

RESPOND_ASYNC = "respond-async"
WAIT = "wait"
QUOTED = r'"(?:[^"\\]|\\.)*"?'
"""A quoted string. One that is not closed ends with the header, so that any input is read in linear time."""
PREFERENCE = re.compile(rf"(?:[^,\"]|{QUOTED})+")
"""One preference: the text between two commas that are not quoted."""
NAME_AND_VALUE = re.compile(rf"\s*(?P<name>[^\s=;\"]+)\s*(?:=\s*(?P<value>{QUOTED}|[^\s;\"]*)\s*)?(?:;.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Preference:
    """What a caller prefers. `wait_s` is None if the caller waits until the job ends."""

    responds_async: bool
    wait_s: float | None

    @property
    def applied(self) -> str | None:
        """Value of the header Preference-Applied; None if the caller sent no preference."""
        parts = [RESPOND_ASYNC] if self.responds_async else []
        if self.wait_s:
            parts.append(f"{WAIT}={self.wait_s:g}")
        return ", ".join(parts) or None


def parse(header: str, *, max_wait_s: float) -> Preference:
    """Ignores unknown and malformed preferences. Of two with the same name, the first applies (RFC 7240, section 2)."""
    given: dict[str, str] = {}
    for name, value in _preferences(header):
        given.setdefault(name, value)
    responds_async = given.get(RESPOND_ASYNC) == ""
    wait_s = _seconds(given.get(WAIT, ""))
    if wait_s is None and responds_async:
        wait_s = 0.0
    return Preference(responds_async, None if wait_s is None else min(wait_s, max_wait_s))


def _preferences(header: str) -> Iterator[tuple[str, str]]:
    """Yields names in lower case and values without quotes. A missing value is an empty string."""
    for preference in PREFERENCE.findall(header):
        if match := NAME_AND_VALUE.fullmatch(preference):
            yield match["name"].lower(), (match["value"] or "").strip('"')


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
