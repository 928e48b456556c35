"""One line of what `mcp-k8s doctor` found."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, and what to do."""

    name: str
    status: Status
    text: str
    is_needed: bool = False
    """Whether nothing works until it is there and right."""
