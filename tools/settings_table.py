"""Writes docs/configuration.md from the settings classes, so that the two cannot differ."""

import sys
from pathlib import Path

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo

from shared.settings import PREFIX, CommonSettings, GatewaySettings, WorkerSettings

PAGE = Path("docs/configuration.md")
HEAD = """# Configuration

Every setting is an environment variable. A secret can come from a file instead: append `_FILE` to the variable's name
and set it to the path. If a value is not valid, the process does not start: it prints the variable's name and the
allowed values.

`make docs` writes this page from the settings classes.
"""
SECTIONS = (
    ("Gateway and worker", CommonSettings, frozenset[str]()),
    ("Gateway", GatewaySettings, frozenset(CommonSettings.model_fields)),
    ("Worker", WorkerSettings, frozenset(CommonSettings.model_fields)),
)


def page() -> str:
    """Returns the complete page."""
    parts = [HEAD]
    for title, settings, elsewhere in SECTIONS:
        rows = [_row(name, field) for name, field in settings.model_fields.items() if name not in elsewhere]
        head = [f"## {title}\n", "| variable | default | meaning |", "| --- | --- | --- |"]
        parts.append("\n".join([*head, *rows]) + "\n")
    return "\n".join(parts)


def _row(name: str, field: FieldInfo) -> str:
    meaning = " ".join((field.description or "").split())
    return f"| `{_variable(name, field)}` | {_default(field)} | {meaning} |"


def _variable(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"{PREFIX}{name.upper()}"


def _default(field: FieldInfo) -> str:
    default = field.default
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if default is None or default == "":
        return "–"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"{PAGE} written", file=sys.stderr)
