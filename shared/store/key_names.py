"""Every Redis key and channel of the product, and those of arq that the job store touches.

Every key has a TTL but the two queues, the wake lists (one per lane and tool there is, each cut at its limit), the two
indexes and the worker registry, which are bounded.
Scripts build names from several jobs, so one Redis (or Valkey) with replicas serves, not a Redis Cluster.
"""

from shared.models import JobId, Lane

PREFIX = "mcp-k8s:"

JOB = f"{PREFIX}job:"
"""Hash: the record of one job."""
REQUEST = f"{PREFIX}request:"
"""String: the sealed request, gone the moment the job ends."""
EVENTS = f"{PREFIX}events:"
"""Stream: the sealed output; an entry's id is its sequence number."""
RESPONSE = f"{PREFIX}response:"
"""String: the sealed CommandResponse."""

EXCLUSIVE = f"{PREFIX}exclusive:"
"""String per thing that one job at a time may change, by a keyed hash: that job's id."""

REPEATABLE = f"{PREFIX}repeatable:"
"""String per command that may be sent again by who never saw its result, by a keyed hash: its job's id."""

PRINCIPAL = f"{PREFIX}principal:"
"""Sorted set per principal whose jobs are limited: ids of those that are queued or run, by the end of their keys in
milliseconds."""

JOBS = f"{PREFIX}jobs:"
"""Sorted set per principal: ids of its newest jobs by the time of their creation, in milliseconds."""

QUEUED = f"{PREFIX}queued"
"""Sorted set: queued job ids by the time they expire, in milliseconds."""
LEASES = f"{PREFIX}leases"
"""Sorted set: running job ids by the end of their lease, in milliseconds."""

QUEUE = f"{PREFIX}queue:"
"""Sorted set per lane: arq's queue."""
WAKE = f"{PREFIX}wake:"
"""List per lane and tool: job ids that idle workers which have the tool block on."""

WORKER = f"{PREFIX}worker:"
"""String per worker: what it announced, as JSON."""
TOOL_WORKERS = f"{PREFIX}workers:"
"""Sorted set per tool: worker ids by the end of their announcement, in milliseconds."""

KEY_MARK = f"{PREFIX}key-mark"
"""String: nothing, sealed by the master key that gateways seal with at present."""

NOTICE = f"{PREFIX}notice:"
"""Channel per job: its new state."""
CHANGES = f"{PREFIX}changes:"
"""Channel per job: it has printed something, or its state is another. For those who follow it."""
CONTROL = f"{PREFIX}control:"
"""Channel per worker: ids of jobs to cancel."""

ARQ_JOB = "arq:job:"
ARQ_IN_PROGRESS = "arq:in-progress:"
ARQ_RETRY = "arq:retry:"


def queue(lane: Lane) -> str:
    """arq's queue of the lane."""
    return f"{QUEUE}{lane}"


def wake(lane: Lane, tool: str) -> str:
    """The list that idle workers of the lane which have the tool block on."""
    return f"{WAKE}{lane}:{tool}"


def notice(job_id: JobId) -> str:
    """The channel of the job's state changes."""
    return f"{NOTICE}{job_id}"


def changes(job_id: JobId) -> str:
    """The channel of the job's output and state changes."""
    return f"{CHANGES}{job_id}"


def control(worker_id: str) -> str:
    """The channel on which the worker hears what to cancel."""
    return f"{CONTROL}{worker_id}"
