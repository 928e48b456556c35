"""JSON schemas as models read them: every word of theirs costs context, in each conversation anew."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

_KEPT = ("type", "enum", "required")
"""All else is checked when a call comes, or of no use to who writes one."""


def of_input(schema: Mapping[str, Any], *, hidden: Sequence[str], notes: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of a converted operation but for the hidden ones, each with its note."""
    shown = {name: value for name, value in schema["properties"].items() if name not in hidden}
    properties = {
        name: _short(value, {}) | ({"description": notes[name]} if name in notes else {})
        for name, value in shown.items()
    }
    return {"type": "object", "properties": properties, "required": schema.get("required", [])}


def of_output(model: type[BaseModel], *, hidden: Sequence[str]) -> dict[str, Any]:
    """What a result's structured content holds; its fields say by their names what they are."""
    schema = model.model_json_schema(mode="serialization")
    return _without(_short(schema, schema.get("$defs", {})), {"enum", "required", *hidden})


def _short(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Types, and what `$ref` names in its place; what may be null has two types."""
    if "$ref" in schema:
        return _short(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        [given] = [each for each in schema["anyOf"] if each != {"type": "null"}]
        short = _short(given, definitions)
        return {**short, "type": [short["type"], "null"]} | (
            {"enum": [*short["enum"], None]} if "enum" in short else {}
        )
    kept = {name: value for name, value in schema.items() if name in _KEPT}
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), Mapping):
            kept[name] = _short(schema[name], definitions)
    if "properties" in schema:
        kept["properties"] = {name: _short(value, definitions) for name, value in schema["properties"].items()}
    return kept


def _without(schema: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """Without those keywords and properties, on every level."""
    return {
        name: _without(value, names) if isinstance(value, dict) else value
        for name, value in schema.items()
        if name not in names
    }
