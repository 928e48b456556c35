"""Label and field selectors, as query parameters write them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.support.api_server import statuses
from tests.support.api_server.resources import KubeObject

_COMMA_OUTSIDE_PARENTHESES = re.compile(r",(?![^(]*\))")
_REQUIREMENT = re.compile(
    r"\s*(?P<absent>!)?(?P<key>[\w./-]+)\s*(?:(?P<operator>==?|!=|in\b|notin\b)\s*\(?(?P<values>[^)]*)\)?)?\s*"
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """Without `values`, it is about whether the key is there."""

    key: str
    values: frozenset[str] | None
    is_negated: bool

    def is_met(self, value: str | None) -> bool:
        holds = value is not None if self.values is None else value in self.values
        return holds != self.is_negated


def parse(text: str) -> list[Requirement]:
    """Raises ApiError."""
    return [_requirement(part) for part in _COMMA_OUTSIDE_PARENTHESES.split(text) if part.strip()]


def _requirement(text: str) -> Requirement:
    match = _REQUIREMENT.fullmatch(text)
    if match is None:
        raise statuses.bad_request(f"unable to parse requirement: {text}")
    values = match["values"]
    return Requirement(
        key=match["key"],
        values=None if values is None else frozenset(value.strip() for value in values.split(",")),
        is_negated=match["absent"] is not None or match["operator"] in {"!=", "notin"},
    )


def label(item: KubeObject) -> Callable[[str], str | None]:
    labels: dict[str, str] = item["metadata"].get("labels") or {}
    return labels.get


def field(item: KubeObject) -> Callable[[str], str | None]:
    """Any dotted path, where a real server knows a few; a field that is missing is an empty string."""

    def value(path: str) -> str:
        current: object = item
        for name in path.split("."):
            current = current.get(name, "") if isinstance(current, dict) else ""
        return str(current)

    return value


@dataclass(frozen=True, slots=True)
class Selection:
    """What a list, a watch or both are limited to."""

    labels: Sequence[Requirement]
    fields: Sequence[Requirement]

    def includes(self, item: KubeObject) -> bool:
        label_of, field_of = label(item), field(item)
        return all(requirement.is_met(label_of(requirement.key)) for requirement in self.labels) and all(
            requirement.is_met(field_of(requirement.key)) for requirement in self.fields
        )
