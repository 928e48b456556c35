"""One line of the report of `mcp-k8s doctor`."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check. `text` says what was found and what to do."""

    name: str
    status: Status
    text: str
    is_needed: bool = False
    """Whether `mcp-k8s up` or a worker cannot start without it."""
