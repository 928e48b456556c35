"""How long a command has been silent, and how often it is looked at meanwhile."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look; times in seconds. What a user reads is at most `longest_s` and one look old."""

    silence_s: float = 3
    """Of the command, before each look."""
    shortest_s: float = 5
    """Between two looks."""
    longest_s: float = 10
    """Between two looks that have shown the same."""
    rest_factor: float = 4
    """Looks take at most a fifth of the time, however long each takes."""

    def rest_s(self, last_s: float, *, is_news: bool, took_s: float) -> float:
        """Until the next look: after a rest of `last_s` before this one, which took so long."""
        interval_s = self.shortest_s if is_news else min(self.longest_s, last_s * 2)
        return max(interval_s, took_s * self.rest_factor)


class Silence:
    """When the command printed last."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._last_at = self._clock()

    def end(self) -> None:
        """It prints."""
        self._last_at = self._clock()

    async def lasts(self, seconds: float) -> None:
        """Returns when it has been silent for so long."""
        # An event would wake this with every chunk of a command that prints much.
        while (left_s := self._last_at + seconds - self._clock()) > 0:  # noqa: ASYNC110 - see above
            await asyncio.sleep(left_s)
