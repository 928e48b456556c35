"""What has happened in a soak of failovers."""

from collections import defaultdict
from dataclasses import dataclass, field

from tests.soak.failover.endings import Ending
from tests.soak.failover.probe import Probe


@dataclass(slots=True)
class Course:
    """Filled while the soak runs."""

    probe: Probe
    waits_s: defaultdict[Ending, list[float]] = field(default_factory=lambda: defaultdict(list))
    """For each time that a primary ended so: the longest that a call then took until it was answered."""
    forgotten: list[str] = field(default_factory=list)
    """Jobs of whose end a caller was told, and that have another now, or none."""
    left: list[str] = field(default_factory=list)
    """Processes of commands, and keys that would live for ever, when all is over."""
