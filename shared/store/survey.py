"""How much there is to do, lane by lane, at a cost that is bounded by the fleet's slots."""

from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from shared.models import Lane
from shared.store.scripts import Scripts

ENDED_MARGIN = 200
"""Jobs that have ended and that their workers are about to take out of the queue."""


@dataclass(frozen=True, slots=True)
class LaneSurvey:
    """`oldest_s`: how long the oldest queued job has waited, in seconds; 0 where none waits."""

    queued: int
    running: int
    oldest_s: float


class QueueSurvey:
    """Looks at the queues. Raises redis-py's errors when Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._scripts = Scripts(redis)

    async def look(self) -> dict[Lane, LaneSurvey]:
        """Each lane as it is now."""
        answer: Sequence[int] = await self._scripts.call("survey", ENDED_MARGIN, *Lane)
        rows = zip(Lane, answer[::3], answer[1::3], answer[2::3], strict=True)
        return {lane: LaneSurvey(queued, running, oldest_ms / 1000) for lane, queued, running, oldest_ms in rows}
