"""Formats the status of a fleet as tables."""

from collections.abc import Sequence

from cli.remote.fleet_status import FleetStatus, RedisStatus, WorkerStatus

MEGABYTE = 1_000_000


def render(status: FleetStatus) -> str:
    """Returns Redis, lanes, workers and a line for each warning."""
    lanes = [
        (name, str(lane.queued), str(lane.running), str(lane.slots), f"{lane.oldest_s:.1f} s" if lane.queued else "-")
        for name, lane in status.lanes.items()
    ]
    parts = [
        _redis(status.redis),
        _table(("LANE", "QUEUED", "RUNNING", "SLOTS", "OLDEST"), lanes),
        _table(
            ("WORKER", "STATE", "HEARD", "RUNNING", "SLOTS", "SANDBOX", "TOOLS"),
            [_row(each) for each in status.workers],
        ),
        "\n".join(f"warning: {text}" for text in status.warnings),
    ]
    return "\n\n".join(part for part in parts if part)


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


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns an aligned table, or an empty string if there are no rows."""
    if not rows:
        return ""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
