"""Every metric of the product: name, unit and meaning. Labels come from closed sets, and none is ever secret.

A process has a registry of its own kind, so that it tells nothing that only the other kind counts. docs/monitoring.md
lists them.
"""

from collections.abc import Iterable
from enum import StrEnum
from itertools import product
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics import MetricWrapperBase

from shared.errors import ErrorCode
from shared.models import CommandClass, JobState, Lane
from shared.tools import registry

LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
OTHER = "other"
"""Stands for what is in no closed set: a label's value may come from Redis, which others could write to."""

Metric = TypeVar("Metric", bound=MetricWrapperBase)


class Phase(StrEnum):
    """Of a job's time, in their order."""

    QUEUE = "queue"
    START = "start"
    RUN = "run"
    DELIVER = "deliver"


class OutputFate(StrEnum):
    STORED = "stored"
    DROPPED = "dropped"


class RedisErrorKind(StrEnum):
    CONNECTION = "connection"
    TIMEOUT = "timeout"
    FULL = "full"
    """It has reached its maxmemory, and evicts nothing."""
    ANSWER = "answer"
    """Any other error that it answers with."""


# One series less for each of ours; nobody asks when a counter was created.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no annotation there
GATEWAY = CollectorRegistry()
WORKER = CollectorRegistry()
for _registry in (GATEWAY, WORKER):
    ProcessCollector(registry=_registry)
    PlatformCollector(registry=_registry)
    GCCollector(registry=_registry)


def _of_both(metric: Metric) -> Metric:
    GATEWAY.register(metric)
    WORKER.register(metric)
    return metric


def _from_zero(metric: Metric, *label_values: Iterable[str]) -> Metric:
    """A series for each combination, so that the first event is an increase too: alerts ask for increases."""
    for values in product(*label_values):
        metric.labels(*values)
    return metric


HTTP_REQUESTS = Counter(
    "mcp_k8s_http_requests",
    "Requests that the gateway has answered.",
    ["method", "route", "status"],
    registry=GATEWAY,
)
HTTP_SECONDS = Histogram(
    "mcp_k8s_http_request_seconds",
    "Time from a request's headers to its answer's end, in seconds.",
    ["method", "route"],
    buckets=LATENCY_BUCKETS_S,
    registry=GATEWAY,
)
JOBS_SUBMITTED = Counter(
    "mcp_k8s_jobs_submitted", "Jobs that were queued.", ["tool", "command_class"], registry=GATEWAY
)
REFUSALS = _from_zero(
    Counter("mcp_k8s_refusals", "Calls that were refused, by problem code.", ["code"], registry=GATEWAY), ErrorCode
)
POLICY_REFUSALS = Counter(
    "mcp_k8s_policy_refusals",
    "Commands that the policy denied, by the rule that did; the rules are those of modes and policy file.",
    ["rule"],
    registry=GATEWAY,
)
WAITING = Gauge("mcp_k8s_waiting_requests", "Requests that wait for the end of a job.", registry=GATEWAY)
QUEUED_JOBS = Gauge(
    "mcp_k8s_queued_jobs",
    "Jobs that wait for a worker, of the whole fleet: each gateway tells the same.",
    ["lane"],
    registry=GATEWAY,
)
RUNNING_JOBS = Gauge(
    "mcp_k8s_running_jobs",
    "Jobs that run, of the whole fleet: each gateway tells the same.",
    ["lane"],
    registry=GATEWAY,
)
OLDEST_QUEUED_JOB = Gauge(
    "mcp_k8s_oldest_queued_job_seconds",
    "How long the oldest job that waits for a worker has waited, in seconds; 0 where none does.",
    ["lane"],
    registry=GATEWAY,
)
LIVE_WORKERS = Gauge(
    "mcp_k8s_live_workers",
    "Workers that are alive and have the tool; each gateway tells the same.",
    ["tool"],
    registry=GATEWAY,
)
LIVE_SLOTS = Gauge(
    "mcp_k8s_live_slots",
    "Slots of the workers that are alive; each gateway tells the same.",
    ["lane"],
    registry=GATEWAY,
)

JOBS_ENDED = _from_zero(
    _of_both(
        Counter(
            "mcp_k8s_jobs_ended",
            "Jobs that ended, by end state, each counted by the process that ended it.",
            ["tool", "command_class", "state"],
            registry=None,
        )
    ),
    [tool.name for tool in registry.tools()],
    CommandClass,
    [state for state in JobState if state.is_final],
)
JOB_RETRIES = _of_both(
    Counter("mcp_k8s_job_retries", "Reads that were queued again because their worker was lost.", registry=None)
)
REDIS_ERRORS = _from_zero(
    _of_both(
        Counter(
            "mcp_k8s_redis_errors",
            "Errors on connections to Redis, those included after which it was tried again.",
            ["kind"],
            registry=None,
        )
    ),
    RedisErrorKind,
)

JOB_PHASES = _from_zero(
    Histogram(
        "mcp_k8s_job_phase_seconds",
        "Time of jobs in seconds: in the queue until a worker claims it (first attempts only), start until its command "
        "is handed to the launcher, run until it has ended, deliver until its outcome is stored and waiters are told.",
        ["phase", "lane"],
        buckets=LATENCY_BUCKETS_S,
        registry=WORKER,
    ),
    Phase,
    Lane,
)
SLOTS = Gauge("mcp_k8s_slots", "Jobs that this worker may run at the same time.", ["lane"], registry=WORKER)
BUSY_SLOTS = Gauge("mcp_k8s_busy_slots", "Slots of this worker that run a job.", ["lane"], registry=WORKER)
CHILDREN = Gauge(
    "mcp_k8s_running_children", "Processes that this worker's launcher runs, one for each stage.", registry=WORKER
)
LEASES_LOST = Counter(
    "mcp_k8s_leases_lost", "Running jobs that this worker gave up because their lease was another's.", registry=WORKER
)
OUTPUT_BYTES = _from_zero(
    Counter("mcp_k8s_output_bytes", "Output of commands in bytes, by what became of it.", ["fate"], registry=WORKER),
    OutputFate,
)
EGRESS_CONNECTIONS = Counter(
    "mcp_k8s_egress_connections",
    "Connections that commands asked their worker for, by decision.",
    ["decision"],
    registry=WORKER,
)


def count_ended(tool: str, command_class: str, state: str) -> None:
    """Counts a job by what its record in Redis says of it, which others could have written."""
    JOBS_ENDED.labels(
        tool if tool in registry.names() else OTHER,
        command_class if command_class in set(CommandClass) else OTHER,
        state,
    ).inc()
