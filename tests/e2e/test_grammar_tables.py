"""The checked-in tables are what the real CLIs say of themselves."""

import os

import pytest

from shared.tools import registry, table
from tools import grammar

REGENERATION_TIMEOUT_S = 600


@pytest.mark.timeout(REGENERATION_TIMEOUT_S)
@pytest.mark.parametrize("name", registry.names())
def test_table_is_what_the_cli_of_its_version_says(name: str) -> None:
    binary = grammar.find(name, os.environ)
    if binary is None:
        pytest.skip(f"there is no {name}: run `make tools`, or `make e2e-tools`")
    tool = registry.find(name)
    found, written = grammar.version(tool, binary), table.load(name).version
    if found != written:
        pytest.skip(f"{name} is {found}, and the table was made from {written}: `make grammar` writes it anew")
    assert table.dump(grammar.generate(tool, binary)) == table.path(name).read_text(encoding="utf-8")
