"""Whose request it is, for REST, MCP, tasks and resources alike: resolved here, and nowhere else.

Nobody authenticates yet, and a job's random id is the capability.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.models import ANONYMOUS


class KnownBy(StrEnum):
    """What tells a caller from others."""

    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request."""

    principal: str
    """Owns the jobs that the caller submits; the caller may see and cancel no others."""
    known_by: KnownBy

    @property
    def is_anonymous(self) -> bool:
        return self.known_by is KnownBy.NOTHING


def of(_: Mapping[str, Any]) -> Caller:
    """The caller of a request, which may be its ASGI scope."""
    return Caller(ANONYMOUS, KnownBy.NOTHING)
