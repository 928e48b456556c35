"""The ways in which a primary ends, in turn, and how what was the primary comes back."""

import enum
from collections.abc import Iterator
from itertools import cycle, islice

from tests.support.sentinel.cluster import SentinelCluster
from tests.support.sentinel.member import Member


class Ending(enum.Enum):
    """What happens to a primary."""

    KILLED = "killed"
    PAUSED = "stopped (SIGSTOP)"
    CUT_OFF = "cut off, in silence"
    REPLACED = "replaced on request"
    DROPPED = "cut off, with connections that end"

    async def begin(self, cluster: SentinelCluster) -> Member:
        """Ends the primary in this way, and returns it."""
        match self:
            case Ending.KILLED:
                return await cluster.kill_primary()
            case Ending.PAUSED:
                return await cluster.pause_primary()
            case Ending.CUT_OFF:
                return await cluster.cut_primary()
            case Ending.DROPPED:
                return await cluster.cut_primary(silently=False)
            case Ending.REPLACED:
                return await cluster.failover()

    async def undo(self, cluster: SentinelCluster, old: Member) -> None:
        """Lets the old primary come back, which believes that it still is the primary."""
        match self:
            case Ending.KILLED:
                await old.start()
            case Ending.PAUSED:
                old.resume()
            case Ending.CUT_OFF | Ending.DROPPED:
                cluster.mend(old)
            case Ending.REPLACED:
                pass


def in_turn(count: int) -> Iterator[Ending]:
    """Yields so many, each kind as often as the others. Every second one that is cut off is cut off in silence."""
    silent = (Ending.KILLED, Ending.PAUSED, Ending.CUT_OFF, Ending.REPLACED)
    ending = (Ending.KILLED, Ending.PAUSED, Ending.DROPPED, Ending.REPLACED)
    return islice(cycle(silent + ending), count)
