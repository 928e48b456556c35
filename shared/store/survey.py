"""Counts queued and running jobs of each lane. The cost is bounded by the number of slots in the fleet."""

from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from shared.models import Lane
from shared.store.scripts import Scripts


@dataclass(frozen=True, slots=True)
class LaneSurvey:
    """Counts of one lane. `oldest_s` is how many seconds the oldest queued job has waited, or 0 if none waits."""

    queued: int
    running: int
    oldest_s: float


class QueueSurvey:
    """Reads the queues. Raises redis-py's errors if Redis is not available."""

    def __init__(self, redis: Redis) -> None:
        self._scripts = Scripts(redis)

    async def read(self) -> dict[Lane, LaneSurvey]:
        """Returns the current counts of each lane."""
        answer: Sequence[int] = await self._scripts.call("survey")
        rows = zip(Lane, answer[::3], answer[1::3], answer[2::3], strict=True)
        return {lane: LaneSurvey(queued, running, oldest_ms / 1000) for lane, queued, running, oldest_ms in rows}
