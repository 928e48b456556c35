"""Writes the table of metrics in docs/monitoring.md from `shared.metrics`, so that the two cannot differ."""

import sys
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from shared import metrics
from tools import docs_sections

PAGE = Path(__file__).parent.parent / "docs" / "monitoring.md"
SOURCE = "shared/metrics.py"
HEAD = "| metric | labels | exported by | meaning |\n| --- | --- | --- | --- |\n"
SUFFIXES = {"counter": "_total"}


def page() -> str:
    """Returns the page with an updated table."""
    return docs_sections.filled(PAGE.read_text(), SOURCE, table())


def table() -> str:
    """Returns the table: a row for each metric, in the order of their definition."""
    return HEAD + "".join(map(_row, ours()))


def ours() -> list[MetricWrapperBase]:
    """Returns every metric of the product."""
    return [each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase)]


def _row(metric: MetricWrapperBase) -> str:
    [family] = metric.describe()
    labels = ", ".join(f"`{name}`" for name in metric._labelnames) or "–"
    tellers = {"gateway": metrics.GATEWAY, "worker": metrics.WORKER}
    told_by = ", ".join(part for part, registry in tellers.items() if family.name in _names(registry))
    return f"| `{family.name}{SUFFIXES.get(family.type, '')}` | {labels} | {told_by} | {family.documentation} |\n"


def _names(registry: CollectorRegistry) -> set[str]:
    return {family.name for family in registry.collect()}


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"{PAGE} written", file=sys.stderr)
