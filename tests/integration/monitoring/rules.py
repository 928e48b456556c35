"""The alert rules that the chart ships."""

from typing import Any

import yaml

from tests.support import own_chart

PATH = own_chart.CHART / "monitoring" / "alerts.yaml"


def alerts() -> dict[str, dict[str, Any]]:
    """By their names."""
    [group] = yaml.safe_load(PATH.read_text())["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}
