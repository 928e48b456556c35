"""Formats the status of a fleet as tables."""

from cli.remote.fleet_status import FleetStatus, RedisStatus, WorkerStatus
from cli.remote.text_table import aligned

MEGABYTE = 1_000_000
LANE_HEADINGS = ("LANE", "QUEUED", "RUNNING", "SLOTS", "OLDEST")
WORKER_HEADINGS = ("WORKER", "STATE", "HEARD", "RUNNING", "SLOTS", "SANDBOX", "TOOLS")


def render(status: FleetStatus) -> str:
    """Returns Redis, lanes, workers and a line for each warning."""
    lanes = [
        (name, str(lane.queued), str(lane.running), str(lane.slots), f"{lane.oldest_s:.1f} s" if lane.queued else "-")
        for name, lane in status.lanes.items()
    ]
    parts = [
        _redis(status.redis),
        aligned(LANE_HEADINGS, lanes),
        aligned(WORKER_HEADINGS, [_row(each) for each in status.workers]),
        "\n".join(f"warning: {text}" for text in status.warnings),
    ]
    return "\n\n".join(filter(None, parts))


def _redis(redis: RedisStatus) -> str:
    limit = f" of {redis.max_memory_bytes / MEGABYTE:.0f}" if redis.max_memory_bytes else ""
    kept = "append-only" if redis.append_only else "not append-only"
    return (
        f"{redis.name} {redis.version} at {redis.address}: {redis.used_memory_bytes / MEGABYTE:.1f}{limit} MB used, "
        f"{redis.clients} clients, {kept}, {redis.eviction_policy}"
    )


def _row(worker: WorkerStatus) -> tuple[str, ...]:
    if worker.draining:
        return (worker.id, "draining", "-", str(worker.running), "-", "-", "-")
    slots = "+".join(str(count) for count in worker.slots.values())
    tools = ", ".join(f"{tool} {version}" for tool, version in worker.tools.items())
    return (worker.id, "serving", f"{worker.heard_s:.1f} s", str(worker.running), slots, worker.sandbox or "-", tools)
