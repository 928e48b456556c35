"""Lets the other commands of the door go on while answers are masked."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

MOST_TURN_S = 0.005
"""Seconds for which the masked answers of a door keep its other commands waiting, unless one object takes longer."""
_Result = TypeVar("_Result")


@dataclass(slots=True)
class Turns:
    """What all masked answers of one door have in common: after a long piece of work, everybody else goes first."""

    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _ends_at: float = 0.0

    async def take(self, work: Callable[[], _Result]) -> _Result:
        """Does a piece of work."""
        clock = asyncio.get_running_loop().time
        async with self._lock:
            result = work()
            if clock() > self._ends_at:
                await asyncio.sleep(0)
                self._ends_at = clock() + MOST_TURN_S
        return result
