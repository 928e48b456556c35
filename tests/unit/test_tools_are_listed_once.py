"""No module but the registry lists the tools, so that a further one is a folder and a line."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.tools import registry

PROJECT = Path(__file__).parents[2]
OWN = PROJECT / "shared" / "tools"
NAMES = frozenset(registry.NAMES)
Find = Callable[[str], Iterator[tuple[int, frozenset[str]]]]


def modules(*folders: str) -> list[Path]:
    found = (path for folder in folders for path in (PROJECT / folder).rglob("*.py"))
    return sorted(path for path in found if OWN not in path.parents)


def collections(source: str) -> Iterator[tuple[int, frozenset[str]]]:
    """Each list, tuple, set and dict that is written down: its line, and the tools among its elements or keys."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements) | ast.Dict(keys=elements):
                words = [element.value for element in elements if isinstance(element, ast.Constant)]
                yield node.lineno, NAMES.intersection(word for word in words if isinstance(word, str))


def texts(source: str) -> Iterator[tuple[int, frozenset[str]]]:
    """Each text, docstrings too: its line, and the tools that it names."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, frozenset(name for name in NAMES if name in node.value)


@pytest.mark.parametrize("find", [collections, texts], ids=["collection", "text"])
def test_a_list_is_seen(find: Find) -> None:
    listed = ", ".join(registry.NAMES)
    source = f"{list(registry.NAMES)}\n{listed!r}\n"
    assert [found for _, found in find(source) if found == NAMES]


def test_product_and_tools_name_no_two_in_one_collection() -> None:
    paths = modules("gateway", "worker", "shared", "cli", "tools", "bench")
    found = [
        f"{path.relative_to(PROJECT)}:{line}: {sorted(names)}"
        for path in paths
        for line, names in collections(path.read_text(encoding="utf-8"))
        if len(names) > 1
    ]
    assert not found, "ask shared.tools.registry"


def test_no_text_of_the_product_names_them_all() -> None:
    paths = modules("gateway", "worker", "shared", "cli", "tools", "bench")
    found = [
        f"{path.relative_to(PROJECT)}:{line}"
        for path in paths
        for line, names in texts(path.read_text(encoding="utf-8"))
        if names == NAMES
    ]
    assert not found, "ask shared.tools.registry"


def test_no_test_lists_them_all() -> None:
    """A few may stand for any; all of them would be a list to keep."""
    found = [
        f"{path.relative_to(PROJECT)}:{line}"
        for path in modules("tests")
        for line, names in collections(path.read_text(encoding="utf-8"))
        if names == NAMES
    ]
    assert not found, "ask shared.tools.registry"
