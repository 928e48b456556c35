"""Remembers which groups an API server serves itself, and which it leaves to another server.

A dry run at another server may be none, so the door asks for a group's APIService before it takes a dry run of custom
resources for one. A caller that may not read APIServices has no dry runs of them that count.
"""

import time
from collections.abc import Callable

from worker.door.requests import dry_run

LIFETIME_S = 600
MOST = 4096
"""Most answers that are remembered; the oldest ones are forgotten first."""

GroupVersion = tuple[str, str]
_Asked = tuple[str, GroupVersion]


class LocalGroups:
    """What APIServices have said, for each identity."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answers: dict[_Asked, tuple[bool, float]] = {}

    def is_local(self, identity: str, group: GroupVersion) -> bool | None:
        """Returns whether the API server serves the group itself; None if nobody has asked lately."""
        is_local, answered_at = self._answers.get((identity, group), (None, 0.0))
        return is_local if self._clock() - answered_at < LIFETIME_S else None

    def keep(self, identity: str, group: GroupVersion, api_service: bytes | None) -> bool:
        """Remembers and returns what an APIService in JSON says; None stands for an answer other than 200."""
        is_local = api_service is not None and dry_run.is_served_locally(api_service)
        self._answers.pop((identity, group), None)
        self._answers[identity, group] = (is_local, self._clock())
        if len(self._answers) > MOST:
            del self._answers[next(iter(self._answers))]
        return is_local

    def forget(self, identity: str) -> None:
        """Forgets all answers to an identity."""
        self._answers = {asked: answer for asked, answer in self._answers.items() if asked[0] != identity}
