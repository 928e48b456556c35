"""Identifies the caller of each request of REST, MCP, tasks and resources. No other module does so.

Callers are not authenticated yet: a job's random id gives access to the job.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.models import ANONYMOUS


class KnownBy(StrEnum):
    """How the gateway knows a caller."""

    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request."""

    principal: str
    """The owner of the jobs that the caller submits. The caller may see and cancel only these jobs."""
    known_by: KnownBy

    @property
    def is_anonymous(self) -> bool:
        return self.known_by is KnownBy.NOTHING


def of(_: Mapping[str, Any]) -> Caller:
    """Returns the caller of a request, which may also be an ASGI scope."""
    return Caller(ANONYMOUS, KnownBy.NOTHING)
