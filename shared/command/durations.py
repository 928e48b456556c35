"""Durations as these CLIs take them: Go's `1h5m3.5s` (time.ParseDuration), or bare seconds."""

import re

UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "\u00b5s": 1e-6, "\u03bcs": 1e-6, "ns": 1e-9}
"""With both of Unicode's signs for micro."""
NUMBER = r"(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})"
PART = re.compile(rf"({NUMBER})({'|'.join(sorted(UNIT_S, key=len, reverse=True))})")
WHOLE = re.compile(rf"\+?(?:{PART.pattern})+")
SECONDS = re.compile(r"\+?[0-9]{1,18}")


def parse_s(text: str) -> float | None:
    """Seconds; None for zero, which means no limit, and for what is no duration."""
    if SECONDS.fullmatch(text):
        return float(text) or None
    if not WHOLE.fullmatch(text):
        return None
    return sum(float(number) * UNIT_S[unit] for number, unit in PART.findall(text)) or None
