"""How a worker stands, as its listener tells it."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared import metrics
from worker.app import WorkerApp
from worker.probes.probe_server import WorkerReadiness

NOT_ANNOUNCED = "Redis has not been reached in time, or the worker stops: gateways take it for gone"


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """Asks the parts of a worker, none of which waits for anything then."""

    worker: WorkerApp
    versions: Mapping[str, str]
    sandbox: str

    def measure(self) -> None:
        """Brings the gauges up to date."""
        for name, lane in self.worker.lanes.items():
            metrics.SLOTS.labels(name).set(lane.max_jobs)
            metrics.BUSY_SLOTS.labels(name).set(lane.max_jobs - lane.free_slots)
        metrics.CHILDREN.set(self.worker.launcher.running_children)

    def readiness(self) -> WorkerReadiness:
        """Ready while gateways see the worker: it has then reached Redis within seconds, and found a CLI."""
        facts = {"tools": dict(self.versions), "sandbox": self.sandbox}
        return WorkerReadiness(None if self.worker.announcer.is_announced else NOT_ANNOUNCED, facts)
