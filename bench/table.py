"""The table that `make bench` prints: each row has a budget, the measured value, and whether it holds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the design's budgets."""

    what: str
    budget: str
    measured: str
    holds: bool


def render(rows: list[Row]) -> str:
    """Returns a Markdown table."""
    lines = ["| what | budget | measured | holds |", "| --- | --- | --- | --- |"]
    lines += [f"| {row.what} | {row.budget} | {row.measured} | {'yes' if row.holds else 'NO'} |" for row in rows]
    return "\n".join(lines)
