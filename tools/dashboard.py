"""Writes the Grafana dashboard of the Helm chart from the list of panels here: `make docs`."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATH = Path(__file__).parent.parent / "deploy" / "helm" / "mcp-k8s" / "monitoring" / "dashboard.json"
RATE = "[$__rate_interval]"
WIDTH, HEIGHT, COLUMNS = 8, 8, 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel. `queries` are pairs of an expression and its legend. `unit` is one of Grafana's units."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    about: str = ""


def _rate(metric: str, *by: str) -> str:
    return f"sum by ({', '.join(by)}) (rate({metric}{RATE}))"


def _quantiles(metric: str, *by: str, matching: str = "") -> tuple[tuple[str, str], ...]:
    buckets = f"sum by ({', '.join((*by, 'le'))}) (rate({metric}_bucket{matching}{RATE}))"
    legend = " ".join(f"{{{{{name}}}}}" for name in by)
    return tuple((f"histogram_quantile({level}, {buckets})", f"p{level[2:]} {legend}") for level in ("0.50", "0.95"))


def _phase(name: str, about: str) -> Panel:
    matching = f'{{phase="{name}"}}'
    return Panel(f"Time: {name}", "s", _quantiles("mcp_k8s_job_phase_seconds", "lane", matching=matching), about)


ROWS: dict[str, tuple[Panel, ...]] = {
    "Now": (
        Panel("Queued jobs", "short", (("max by (lane) (mcp_k8s_queued_jobs)", "{{lane}}"),)),
        Panel(
            "Age of the oldest queued job", "s", (("max by (lane) (mcp_k8s_oldest_queued_job_seconds)", "{{lane}}"),)
        ),
        Panel(
            "Running jobs and slots",
            "short",
            (
                ("max by (lane) (mcp_k8s_running_jobs)", "{{lane}}: running"),
                ("max by (lane) (mcp_k8s_live_slots)", "{{lane}}: slots"),
            ),
        ),
        Panel("Live workers", "short", (("max by (tool) (mcp_k8s_live_workers)", "{{tool}}"),)),
        Panel("Waiting requests", "short", (("sum(mcp_k8s_waiting_requests)", "waiting"),)),
        Panel(
            "Lost, retried, expired",
            "short",
            (
                (f'sum(increase(mcp_k8s_jobs_ended_total{{state="lost"}}{RATE}))', "lost"),
                (f"sum(increase(mcp_k8s_job_retries_total{RATE}))", "reads started again"),
                (f'sum(increase(mcp_k8s_jobs_ended_total{{state="expired"}}{RATE}))', "expired"),
                (f"sum(increase(mcp_k8s_leases_lost_total{RATE}))", "leases lost"),
            ),
        ),
    ),
    "Jobs": (
        Panel("Submitted", "ops", ((_rate("mcp_k8s_jobs_submitted_total", "tool"), "{{tool}}"),)),
        Panel("Ended, by state", "ops", ((_rate("mcp_k8s_jobs_ended_total", "state"), "{{state}}"),)),
        Panel(
            "Ended, by tool and class",
            "ops",
            ((_rate("mcp_k8s_jobs_ended_total", "tool", "command_class") + " > 0", "{{tool}} {{command_class}}"),),
        ),
        _phase("queue", "From submit until a worker claims the job."),
        _phase("start", "Opening the request and preparing the command."),
        _phase("run", "The command itself."),
        _phase("deliver", "Storing the outcome and notifying waiting callers."),
    ),
    "Gateways": (
        Panel("Answers", "reqps", ((_rate("mcp_k8s_http_requests_total", "status"), "{{status}}"),)),
        Panel("Time of requests, p95", "s", _quantiles("mcp_k8s_http_request_seconds", "route")[1:]),
        Panel("Refusals", "ops", ((_rate("mcp_k8s_refusals_total", "code") + " > 0", "{{code}}"),)),
        Panel("Denied by policy", "ops", ((_rate("mcp_k8s_policy_refusals_total", "rule"), "{{rule}}"),)),
        Panel("Errors of Redis", "ops", ((_rate("mcp_k8s_redis_errors_total", "kind"), "{{kind}}"),)),
    ),
    "Workers": (
        Panel(
            "Busy slots",
            "percentunit",
            (("sum by (lane) (mcp_k8s_busy_slots) / sum by (lane) (mcp_k8s_slots)", "{{lane}}"),),
        ),
        Panel("Running children", "short", (("mcp_k8s_running_children", "{{instance}}"),)),
        Panel(
            "Memory",
            "bytes",
            (("process_resident_memory_bytes and on (job, instance) mcp_k8s_slots", "{{instance}}"),),
            "Memory of the worker itself, without its commands.",
        ),
        Panel("Output", "Bps", ((_rate("mcp_k8s_output_bytes_total", "fate"), "{{fate}}"),)),
        Panel(
            "Connections of commands", "ops", ((_rate("mcp_k8s_egress_connections_total", "decision"), "{{decision}}"),)
        ),
    ),
}


def document() -> str:
    """Returns the complete dashboard as JSON."""
    dashboard = {
        "title": "mcp-k8s",
        "uid": "mcp-k8s",
        "tags": ["mcp-k8s"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}]
        },
        "panels": list(_panels()),
    }
    return json.dumps(dashboard, indent=1, ensure_ascii=False) + "\n"


def _panels() -> Iterator[Json]:
    number, top = 0, 0
    for title, panels in ROWS.items():
        number += 1
        yield {"id": number, "type": "row", "title": title, "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1}}
        top += 1
        for place, panel in enumerate(panels):
            number += 1
            row, column = divmod(place, COLUMNS // WIDTH)
            where = {"x": column * WIDTH, "y": top + row * HEIGHT, "w": WIDTH, "h": HEIGHT}
            yield _time_series(number, panel, where)
        top += -(-len(panels) // (COLUMNS // WIDTH)) * HEIGHT


def _time_series(number: int, panel: Panel, where: Json) -> Json:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": where,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": expression, "legendFormat": legend}
            for index, (expression, legend) in enumerate(panel.queries)
        ],
    }


if __name__ == "__main__":
    PATH.write_text(document())
    print(f"{PATH} written", file=sys.stderr)
