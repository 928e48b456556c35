"""Every metric of the product: name, unit and meaning. Labels come from closed sets and are never secret.

Gateway and worker have separate registries, so that each exports only its own metrics. docs/monitoring.md lists them.
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

from shared.effects import Limit
from shared.errors import ErrorCode
from shared.models import CommandClass, JobState, Lane
from shared.tools import registry

LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
OTHER = "other"
"""Label for values outside of the closed set. Some label values come from Redis, to which others may write."""

Metric = TypeVar("Metric", bound=MetricWrapperBase)


class Phase(StrEnum):
    """The phases of a job's time, in order."""

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
    """Redis has reached its maxmemory and does not evict keys."""
    ANSWER = "answer"
    """Redis answered with any other error."""


# This saves a series for each counter; the creation time of a counter is not needed.
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
    """Makes a series for each combination of labels, so that alerts on increases see the first event too."""
    for values in product(*label_values):
        metric.labels(*values)
    return metric


HTTP_REQUESTS = Counter(
    "mcp_k8s_http_requests",
    "HTTP requests that the gateway has answered.",
    ["method", "route", "status"],
    registry=GATEWAY,
)
HTTP_SECONDS = Histogram(
    "mcp_k8s_http_request_seconds",
    "Time from a request's headers to the end of its answer, in seconds.",
    ["method", "route"],
    buckets=LATENCY_BUCKETS_S,
    registry=GATEWAY,
)
JOBS_SUBMITTED = Counter(
    "mcp_k8s_jobs_submitted", "Jobs that this gateway has queued.", ["tool", "command_class"], registry=GATEWAY
)
REFUSALS = _from_zero(
    Counter("mcp_k8s_refusals", "Calls that were refused, by error code.", ["code"], registry=GATEWAY), ErrorCode
)
POLICY_REFUSALS = Counter(
    "mcp_k8s_policy_refusals",
    "Commands that the policy denied, by rule. The rules come from the modes and from the policy file.",
    ["rule"],
    registry=GATEWAY,
)
WAITING = Gauge("mcp_k8s_waiting_requests", "Requests that wait for the end of a job.", registry=GATEWAY)
QUEUED_JOBS = Gauge(
    "mcp_k8s_queued_jobs",
    "Jobs in the whole fleet that wait for a worker. All gateways report the same value.",
    ["lane"],
    registry=GATEWAY,
)
RUNNING_JOBS = Gauge(
    "mcp_k8s_running_jobs",
    "Jobs in the whole fleet that run. All gateways report the same value.",
    ["lane"],
    registry=GATEWAY,
)
OLDEST_QUEUED_JOB = Gauge(
    "mcp_k8s_oldest_queued_job_seconds",
    "Time that the oldest queued job has waited, in seconds; 0 if no job waits.",
    ["lane"],
    registry=GATEWAY,
)
LIVE_WORKERS = Gauge(
    "mcp_k8s_live_workers",
    "Live workers that have the tool. All gateways report the same value.",
    ["tool"],
    registry=GATEWAY,
)
LIVE_SLOTS = Gauge(
    "mcp_k8s_live_slots",
    "Slots of all live workers. All gateways report the same value.",
    ["lane"],
    registry=GATEWAY,
)

JOBS_ENDED = _from_zero(
    _of_both(
        Counter(
            "mcp_k8s_jobs_ended",
            "Jobs that ended, by end state. The process that ended a job counts it.",
            ["tool", "command_class", "state"],
            registry=None,
        )
    ),
    registry.names(),
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
            "Errors on connections to Redis, including those that were followed by a retry.",
            ["kind"],
            registry=None,
        )
    ),
    RedisErrorKind,
)

JOB_PHASES = _from_zero(
    Histogram(
        "mcp_k8s_job_phase_seconds",
        "Time of each phase of a job, in seconds. queue: until a worker claims the job (first attempts only). start: "
        "until its command is handed to the launcher. run: until the command has ended. deliver: until the outcome is "
        "stored and waiting callers are notified.",
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
    "mcp_k8s_running_children", "Processes of commands on this worker, one for each stage.", registry=WORKER
)
LEASES_LOST = Counter(
    "mcp_k8s_leases_lost", "Running jobs that this worker gave up because it had lost their lease.", registry=WORKER
)
OUTPUT_BYTES = _from_zero(
    Counter("mcp_k8s_output_bytes", "Output of commands in bytes, stored or dropped.", ["fate"], registry=WORKER),
    OutputFate,
)
EGRESS_CONNECTIONS = Counter(
    "mcp_k8s_egress_connections",
    "Connections that commands requested from their worker's proxy, by decision.",
    ["decision"],
    registry=WORKER,
)

REFUSED_REQUESTS = _from_zero(
    Counter(
        "mcp_k8s_refused_requests",
        "Requests of commands to API servers that were refused, by rule: of the modes, the fence and the policy file.",
        ["rule"],
        registry=WORKER,
    ),
    Limit,
)
DOOR_STRANGERS = Counter(
    "mcp_k8s_door_strangers",
    "Requests to this worker's door without the pass of a running command.",
    registry=WORKER,
)


def count_ended(tool: str, command_class: str, state: str) -> None:
    """Counts a job by its record in Redis. The record is not trusted, because others may write to Redis."""
    JOBS_ENDED.labels(
        tool if tool in registry.names() else OTHER,
        command_class if command_class in set(CommandClass) else OTHER,
        state,
    ).inc()
