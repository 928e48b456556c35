"""How a tool's definition lists its verbs: by the words that stand before them, many verbs to a string."""

from collections.abc import Mapping

from shared.models import CommandClass


def paths(groups: Mapping[str, str]) -> tuple[str, ...]:
    """`{"": "list", "get": "all hooks"}` is `list`, `get all` and `get hooks`."""
    return tuple(f"{group} {verb}".strip() for group, verbs in groups.items() for verb in verbs.split())


def classes(groups: Mapping[CommandClass, Mapping[str, str]]) -> dict[str, CommandClass]:
    """Verb path → class."""
    return {path: command_class for command_class, verbs in groups.items() for path in paths(verbs)}
