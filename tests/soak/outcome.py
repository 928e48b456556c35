"""What a soak hands back: the rows of its table, and what is behind those that do not hold."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    value: str
    holds: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    rows: list[Row]
    details: list[str]
    """What is behind a row that does not hold: ids and states, for who looks into it."""
