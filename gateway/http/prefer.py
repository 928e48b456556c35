"""The Prefer header (RFC 7240): how long a caller wants to wait before it polls instead."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

RESPOND_ASYNC = "respond-async"
WAIT = "wait"
QUOTED = r'"(?:[^"\\]|\\.)*"?'
"""One that is not closed ends with the header: whatever was sent, it is read in linear time."""
PREFERENCE = re.compile(rf"(?:[^,\"]|{QUOTED})+")
"""What stands between commas that are in no quotes."""
NAME_AND_VALUE = re.compile(rf"\s*(?P<name>[^\s=;\"]+)\s*(?:=\s*(?P<value>{QUOTED}|[^\s;\"]*)\s*)?(?:;.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Preference:
    """`wait_s` is None when the caller waits for the end, however long that takes."""

    responds_async: bool
    wait_s: float | None

    @property
    def applied(self) -> str | None:
        """Value of Preference-Applied; None when nothing was preferred."""
        parts = [RESPOND_ASYNC] if self.responds_async else []
        if self.wait_s:
            parts.append(f"{WAIT}={self.wait_s:g}")
        return ", ".join(parts) or None


def parse(header: str, *, max_wait_s: float) -> Preference:
    """Unknown and malformed preferences are ignored, and of two with the same name the first one holds (section 2)."""
    given: dict[str, str] = {}
    for name, value in _preferences(header):
        given.setdefault(name, value)
    responds_async = given.get(RESPOND_ASYNC) == ""
    wait_s = _seconds(given.get(WAIT, ""))
    if wait_s is None and responds_async:
        wait_s = 0.0
    return Preference(responds_async, None if wait_s is None else min(wait_s, max_wait_s))


def _preferences(header: str) -> Iterator[tuple[str, str]]:
    """Names in lower case, values without quotes; a value that is missing is an empty one."""
    for preference in PREFERENCE.findall(header):
        if match := NAME_AND_VALUE.fullmatch(preference):
            yield match["name"].lower(), (match["value"] or "").strip('"')


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
