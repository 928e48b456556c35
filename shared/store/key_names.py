"""Every Redis key and channel of the product.

Every key has a TTL, except the lanes' queues with their turns, the wake lists (one per lane and tool, each with a
limit), the indexes and the worker registry, which are bounded. Scripts use keys of several jobs, so a Redis or Valkey
with replicas works, but not a Redis Cluster.
"""

from shared.models import Lane

PREFIX = "mcp-k8s:"

JOB = f"{PREFIX}job:"
"""Hash: the record of one job."""
REQUEST = f"{PREFIX}request:"
"""String: the sealed request, which is deleted when the job ends."""
EVENTS = f"{PREFIX}events:"
"""Stream: the sealed output; an entry's id is its sequence number."""
CHANGES = f"{PREFIX}changes:"
"""Hash per job that has changed something: number of a change to the sequence number of the newest event about it."""
RESPONSE = f"{PREFIX}response:"
"""String: the sealed CommandResponse."""

STORED = f"{PREFIX}stored"
"""Hash: minute since the epoch to the bytes of jobs whose keys expire in it, and `total`, their sum."""

EXCLUSIVE = f"{PREFIX}exclusive:"
"""String per object that one job at a time may change, named by a keyed hash: the job's id."""

REPEATABLE = f"{PREFIX}repeatable:"
"""String per command that may be sent again before its result is delivered, named by a keyed hash: the job's id."""

PRINCIPAL = f"{PREFIX}principal:"
"""Sorted set per principal with a limit: ids of its queued and running jobs, by their keys' expiry in milliseconds."""

JOBS = f"{PREFIX}jobs:"
"""Sorted set per principal: ids of its newest jobs by creation time, in milliseconds."""

QUEUED = f"{PREFIX}queued:"
"""Sorted set per lane: ids of queued jobs by their expiry, in milliseconds."""
LEASES = f"{PREFIX}leases"
"""Sorted set: ids of running jobs by the end of their lease, in milliseconds."""

QUEUE = f"{PREFIX}queue:"
"""Sorted set per lane: arq's queue, ids of queued jobs by their turn."""
TURN = f"{PREFIX}turn:"
"""String per lane: the turn of the job that was taken last. It lives as long as the lane's queue."""
TURNS = f"{PREFIX}turns:"
"""Sorted set per lane: callers by the turn of their next job. It lives as long as the lane's queue."""
LOAD = f"{PREFIX}load:"
"""Sorted set per lane: ids of queued and running jobs, by their keys' expiry in milliseconds. Autoscalers read its
length."""
WAKE = f"{PREFIX}wake:"
"""List per lane and tool: job ids. Idle workers that have the tool block on it."""
LAST_TAKE = f"{PREFIX}last-take:"
"""String per worker and lane: the fencing token and the ids of the jobs that the worker took last."""

WORKER = f"{PREFIX}worker:"
"""String per worker: its announcement as JSON."""
WORKERS = f"{PREFIX}workers"
"""Sorted set: live workers, each as its id and its tools, by the end of their announcement, in milliseconds."""

KEY_MARK = f"{PREFIX}key-mark"
"""String: an empty text, sealed by the master key that gateways seal with at present."""

GATEWAY = f"{PREFIX}gateway:"
"""Channel per gateway: finished jobs that a request there waits for, and ids of changed jobs that one follows."""
FOLLOWERS = f"{PREFIX}followers:"
"""Set per job: the gateways on which a request follows the job's output and state."""
CONTROL = f"{PREFIX}control:"
"""Channel per worker: ids of jobs to cancel."""


def queue(lane: Lane) -> str:
    """Returns the key of arq's queue of the lane."""
    return f"{QUEUE}{lane}"


def wake(lane: Lane, tool: str) -> str:
    """Returns the key of the list on which idle workers of the lane that have the tool block."""
    return f"{WAKE}{lane}:{tool}"


def gateway(gateway_id: str) -> str:
    """Returns the channel of the gateway's notices."""
    return f"{GATEWAY}{gateway_id}"


def control(worker_id: str) -> str:
    """Returns the channel on which the worker receives jobs to cancel."""
    return f"{CONTROL}{worker_id}"
