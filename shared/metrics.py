"""Every metric of the product: name, unit and meaning. Labels come from closed sets, and none is ever secret."""

from prometheus_client import Counter, Gauge, Histogram

LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)

HTTP_REQUESTS = Counter(
    "mcp_k8s_http_requests", "Requests that the gateway has answered.", ["method", "route", "status"]
)
HTTP_SECONDS = Histogram(
    "mcp_k8s_http_request_seconds",
    "Time from a request's headers to its answer's end, in seconds.",
    ["method", "route"],
    buckets=LATENCY_BUCKETS_S,
)
JOBS_SUBMITTED = Counter("mcp_k8s_jobs_submitted", "Jobs that were queued.", ["tool", "command_class"])
REFUSALS = Counter("mcp_k8s_refusals", "Calls that were refused, by problem code.", ["code"])
WAITING = Gauge("mcp_k8s_waiting_requests", "Requests that wait for the end of a job.")
EGRESS_CONNECTIONS = Counter(
    "mcp_k8s_egress_connections", "Connections that commands asked their worker for, by decision.", ["decision"]
)
