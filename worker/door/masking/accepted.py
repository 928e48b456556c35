"""Asks for JSON in place of the other forms in which API servers answer, because only JSON is masked."""

from collections.abc import Iterable

JSON = "application/json"


def in_json(accepted: Iterable[str]) -> str:
    """Returns the value of `Accept` that asks for the same answers in JSON: whole objects, tables or metadata alone."""
    asked = (part for value in accepted for part in value.split(","))
    return ", ".join(dict.fromkeys(filter(None, map(_in_json, asked)))) or JSON


def _in_json(part: str) -> str:
    media_type, *parameters = (text.strip() for text in part.split(";"))
    return ";".join((JSON, *filter(None, parameters))) if media_type else ""
