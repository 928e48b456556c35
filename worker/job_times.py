"""Measures how long a job takes, phase by phase, for the latency metrics."""

import time

from shared import metrics
from shared.metrics import Phase
from shared.store.record import JobRecord


class JobTimes:
    """Times one attempt from its claim. Redis' clock measures the wait in the queue, this machine's clock the rest."""

    def __init__(self, record: JobRecord) -> None:
        self._lane = record.lane
        self._phase_began = time.monotonic()
        # The wait of a second attempt would include the first attempt's run.
        if record.attempt == 1 and record.started_at is not None:
            self._observe(Phase.QUEUE, (record.started_at - record.created_at).total_seconds())

    def end(self, phase: Phase) -> None:
        """Ends the phase and begins the next one."""
        now = time.monotonic()
        self._observe(phase, now - self._phase_began)
        self._phase_began = now

    def _observe(self, phase: Phase, seconds: float) -> None:
        metrics.JOB_PHASES.labels(phase, self._lane).observe(max(0.0, seconds))
