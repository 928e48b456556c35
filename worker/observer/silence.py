"""Measures how long a command has been silent, and decides how often to look in that time."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look. A progress line is never older than `longest_s` plus the time of one look."""

    silence_s: float = 3
    """Seconds that the command must be silent before each look."""
    shortest_s: float = 5
    """Shortest rest between two looks, in seconds."""
    longest_s: float = 10
    """Longest rest between two looks, in seconds. The rest grows while looks show the same."""
    rest_factor: float = 4
    """Shortest rest as a multiple of the last look's duration: looks take at most a fifth of the time."""

    def rest_s(self, last_s: float, *, is_news: bool, took_s: float) -> float:
        """Returns the seconds until the next look, after a look that rested for `last_s` and took `took_s`."""
        interval_s = self.shortest_s if is_news else min(self.longest_s, last_s * 2)
        return max(interval_s, took_s * self.rest_factor)


class Silence:
    """Remembers when the command last printed something."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._last_at = self._clock()

    def end(self) -> None:
        """Notes that the command prints now."""
        self._last_at = self._clock()

    async def lasts(self, seconds: float) -> None:
        """Waits until the command has been silent for so long."""
        # With an event, each chunk of a command that prints much would wake this task.
        while (left_s := self._last_at + seconds - self._clock()) > 0:  # noqa: ASYNC110 - see above
            await asyncio.sleep(left_s)
