"""Writes the tables of tools in docs/clients.md and docs/security.md from the registry and the tools' folders."""

import sys
from pathlib import Path

from shared.tools import registry, table
from shared.tools.tool import Tool
from tools import docs_sections

DOCS = Path(__file__).parent.parent / "docs"
CLIENTS = DOCS / "clients.md"
SECURITY = DOCS / "security.md"
SECRETS = "secrets.md"
"""File in a tool's folder with rows that say how values of Secrets in the tool's output are treated."""
TOOLS_HEAD = "| tool | what it does | version of its flags | its own credentials |\n| --- | --- | --- | --- |\n"
SECRETS_HEAD = "| Output | Treatment |\n| --- | --- |\n"


def clients_page() -> str:
    """Returns the page with an updated table."""
    rows = "".join(map(_row, registry.tools()))
    return docs_sections.filled(CLIENTS.read_text(), "shared/tools/NAME/definition.py", TOOLS_HEAD + rows)


def security_page() -> str:
    """Returns the page with an updated table."""
    files = [table.path(name).with_name(SECRETS) for name in registry.names()]
    rows = "".join(file.read_text() for file in files if file.exists())
    return docs_sections.filled(SECURITY.read_text(), f"shared/tools/NAME/{SECRETS}", SECRETS_HEAD + rows)


def _row(tool: Tool) -> str:
    credentials = ", ".join(f"`{name.title()}` (`{variable}`)" for name, variable in tool.credential_headers.items())
    return f"| `{tool.name}` | {tool.summary} | {tool.grammar.table.version} | {credentials or '–'} |\n"


if __name__ == "__main__":
    CLIENTS.write_text(clients_page())
    SECURITY.write_text(security_page())
    print(f"{CLIENTS} and {SECURITY} written", file=sys.stderr)
