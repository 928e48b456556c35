"""Shortens JSON schemas for models, because each word takes context in every conversation."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

_KEPT = ("type", "enum", "required")
"""Keywords that are kept. Others are checked when a call comes, or do not help a model to write a call."""


def of_input(schema: Mapping[str, Any], *, hidden: Sequence[str], notes: Mapping[str, str]) -> dict[str, Any]:
    """Returns the schema of a call's arguments without the hidden ones, with a note for each that has one.

    An argument that may be null has one type, too: a model leaves it out.
    """
    shown = {name: value for name, value in schema["properties"].items() if name not in hidden}
    properties = {
        name: _short(_given(value), {}) | ({"description": notes[name]} if name in notes else {})
        for name, value in shown.items()
    }
    required = schema.get("required", ())
    return {"type": "object", "properties": properties} | ({"required": [*required]} if required else {})


def of_output(model: type[BaseModel], *, hidden: Sequence[str]) -> dict[str, Any]:
    """Returns the schema of a result's structured content, without descriptions: the fields' names suffice."""
    schema = model.model_json_schema(mode="serialization")
    return _without(_short(schema, schema.get("$defs", {})), {"enum", "required", *hidden})


def _short(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Keeps the types and replaces each `$ref` by its definition. A nullable value gets two types."""
    if "$ref" in schema:
        return _short(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        short = _short(_given(schema), definitions)
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


def _given(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the schema of a nullable value that is not null."""
    given: Mapping[str, Any] = next((each for each in schema.get("anyOf", ()) if each != {"type": "null"}), schema)
    return given


def _without(schema: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """Removes these keywords and properties on every level."""
    return {
        name: _without(value, names) if isinstance(value, dict) else value
        for name, value in schema.items()
        if name not in names
    }
