"""The health of a worker, which the probe server reports."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared import metrics
from worker.app import WorkerApp
from worker.probes.probe_server import WorkerReadiness

NOT_ANNOUNCED = "the worker has not reached Redis in time, or it is stopping: gateways treat it as gone"


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """Reads the state of a worker's parts without waiting for anything."""

    worker: WorkerApp
    versions: Mapping[str, str]
    sandbox: str

    def measure(self) -> None:
        """Updates the gauges."""
        for name, lane in self.worker.lanes.items():
            metrics.SLOTS.labels(name).set(lane.max_jobs)
            metrics.BUSY_SLOTS.labels(name).set(lane.max_jobs - lane.free_slots)
        metrics.CHILDREN.set(self.worker.launcher.running_children)

    def readiness(self) -> WorkerReadiness:
        """Returns the readiness. An announced worker has reached Redis within seconds and has found a CLI."""
        facts = {"tools": dict(self.versions), "sandbox": self.sandbox}
        return WorkerReadiness(None if self.worker.announcer.is_announced else NOT_ANNOUNCED, facts)
