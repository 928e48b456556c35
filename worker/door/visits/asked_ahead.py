"""A request that the door makes for a command before the command makes it."""

import asyncio
import uuid
from dataclasses import dataclass, field

from worker.door.requests.memory import Answer, Key


@dataclass(slots=True)
class AskedAhead:
    """One such request, and the answer on its way."""

    key: Key
    asked_at: float
    """The time of the memory's clock."""
    audit_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    is_sent: bool = False
    """Whether there was a connection for it. The command could have to wait for another one for long."""
    task: "asyncio.Task[Answer | None] | None" = None

    def give_up(self) -> None:
        """Ends the request."""
        if self.task is not None:
            self.task.cancel()
