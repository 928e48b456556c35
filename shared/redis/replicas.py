"""How many replicas must have a write before anybody is told of it.

Of two replicas, the acknowledgement of one is not enough behind Sentinel. It may promote the other: it compares what
each has received by answers that are up to ten seconds old, and a failover on request promotes one while the primary
goes on and the other still acknowledges. So each replica that follows the primary must acknowledge, and each that did
so lately, unless Sentinel has said since then that it is down.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

MEMORY_S = 4.0
"""Time for which a replica counts after it has left the primary: longer than everybody takes to hear of a failover."""


@dataclass(frozen=True, slots=True)
class KnownReplicas:
    """What sentinels know. Without Sentinel, nothing."""

    primary: tuple[str, int] | None = None
    expected: bool = False
    """Whether they know a replica, also one that is away at the moment."""
    up: int = 0
    """Number of replicas that are not down."""
    asked_at_s: float = 0.0
    """When they were asked, by the clock of `Replicas`."""


class Replicas:
    """The replicas of the primary. Each answer to a write that matters tells how many follow it."""

    def __init__(
        self,
        known_elsewhere: Callable[[], KnownReplicas] = KnownReplicas,
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._known_elsewhere = known_elsewhere
        self._clock_s = clock_s
        self._primary: tuple[str, int] | None = None
        self._connected = deque([(0.0, 0)])
        """Numbers of replicas of this primary, each with the last time when it was so; the newest last."""
        self._left_at_s = 0.0
        """When it was seen that a replica had left."""

    @property
    def are_known_elsewhere(self) -> bool:
        return self._known_elsewhere().expected

    @property
    def needed(self) -> int:
        """Number of replicas that must acknowledge the next write that matters; 0 if there are none."""
        known, (_, following) = self._known_elsewhere(), self._connected[-1]
        least = 1 if known.expected or following else 0
        return least if known.primary is None else max(least, following, self._left(known))

    def _left(self, known: KnownReplicas) -> int:
        """Number of replicas that followed the primary lately, without those of which Sentinel says that they are down.

        What Sentinel said before the last one left does not count: it may be of a time when another was down.
        """
        most = max(count for _, count in self._connected)
        return min(most, known.up) if known.asked_at_s > self._left_at_s else most

    def seen(self, connected: int) -> None:
        """Takes the number of replicas that followed the primary when it answered."""
        now_s, primary = self._clock_s(), self._known_elsewhere().primary
        if primary != self._primary:
            self._primary = primary
            self._connected.clear()
        elif self._connected[-1][1] == connected:
            self._connected.pop()
        elif self._connected[-1][1] > connected:
            self._left_at_s = now_s
        self._connected.append((now_s, connected))
        while self._connected[0][0] < now_s - MEMORY_S:
            self._connected.popleft()
