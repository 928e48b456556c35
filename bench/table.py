"""The table that `make bench` prints: a row has a measured value, and where it has a budget, whether that holds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the design's budgets. Without a budget the value is only shown."""

    what: str
    budget: str
    measured: str
    holds: bool = True

    @property
    def verdict(self) -> str:
        if not self.budget:
            return "–"
        return "yes" if self.holds else "NO"


def render(rows: list[Row]) -> str:
    """Returns a Markdown table."""
    lines = ["| what | budget | measured | holds |", "| --- | --- | --- | --- |"]
    lines += [f"| {row.what} | {row.budget or '–'} | {row.measured} | {row.verdict} |" for row in rows]
    return "\n".join(lines)
