import pytest

from shared.tools import registry, table
from tools import docs_sections, tool_tables


def test_pages_say_of_the_tools_what_their_folders_say() -> None:
    assert tool_tables.CLIENTS.read_text() == tool_tables.clients_page(), "run: make docs"
    assert tool_tables.SECURITY.read_text() == tool_tables.security_page(), "run: make docs"


@pytest.mark.parametrize("name", registry.names())
def test_each_tool_says_what_becomes_of_secrets_in_rows_of_the_table(name: str) -> None:
    rows = table.path(name).with_name(tool_tables.SECRETS).read_text().splitlines()

    assert rows
    assert all(row.startswith("| ") and row.endswith(" |") and row.replace(r"\|", "").count("|") == 3 for row in rows)


def test_page_without_a_place_for_the_table_is_left_alone() -> None:
    with pytest.raises(ValueError, match=r"no line <!-- By `make docs`, from x\. -->"):
        docs_sections.filled("# A page\n", "x", "| a |\n")
