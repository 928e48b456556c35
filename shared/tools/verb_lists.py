"""Reads the lists of verbs in a tool's definition. A list maps the first words of verb paths to their last words."""

from collections.abc import Mapping

from shared.models import CommandClass


def paths(groups: Mapping[str, str]) -> tuple[str, ...]:
    """Returns the verb paths: `{"": "list", "get": "all hooks"}` becomes `list`, `get all` and `get hooks`."""
    return tuple(f"{group} {verb}".strip() for group, verbs in groups.items() for verb in verbs.split())


def classes(groups: Mapping[CommandClass, Mapping[str, str]]) -> dict[str, CommandClass]:
    """Returns verb path → class."""
    return {path: command_class for command_class, verbs in groups.items() for path in paths(verbs)}
