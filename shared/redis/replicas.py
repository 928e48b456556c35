"""Whether the primary has replicas, so that what a caller is told must be on one of them first."""

from collections.abc import Callable


class Replicas:
    """The replicas of one server. Each answer to a write that matters tells how many are connected.

    Sentinels also know replicas that are away at the moment: `known_elsewhere` tells whether they know one.
    """

    def __init__(self, known_elsewhere: Callable[[], bool] = lambda: False) -> None:
        self._known_elsewhere = known_elsewhere
        self._connected = 0

    @property
    def are_known_elsewhere(self) -> bool:
        return self._known_elsewhere()

    @property
    def are_expected(self) -> bool:
        """Whether a replica must acknowledge the next write that matters."""
        return self._connected > 0 or self._known_elsewhere()

    def seen(self, connected: int) -> None:
        """Takes the number of replicas that the server had when it answered."""
        self._connected = connected
