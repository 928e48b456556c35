"""Measures how long a job takes, phase by phase, for the latency metrics."""

import time

from shared import metrics
from shared.metrics import Phase
from shared.store.record import JobRecord


class JobTimes:
    """One attempt's clock, from its claim on. The wait in the queue is by Redis' clock, the rest by this machine's."""

    def __init__(self, record: JobRecord) -> None:
        self._lane = record.lane
        self._phase_began = time.monotonic()
        # The wait of a second attempt has the first one's run in it.
        if record.attempt == 1 and record.started_at is not None:
            self._observe(Phase.QUEUE, (record.started_at - record.created_at).total_seconds())

    def end(self, phase: Phase) -> None:
        """The phase is over, and the next one begins."""
        now = time.monotonic()
        self._observe(phase, now - self._phase_began)
        self._phase_began = now

    def _observe(self, phase: Phase, seconds: float) -> None:
        metrics.JOB_PHASES.labels(phase, self._lane).observe(max(0.0, seconds))
