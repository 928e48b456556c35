"""Looks up what a page for engineers names: files and what they define, make targets and commands.

Every code span of such a page is one of these. A path starts at the root, that of a folder ends with `/`, and NAME in
it stands for any name. A name follows the file that defines it, in the same paragraph, item or row:
`worker/lane.py` `LaneWorker.serve`.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import typer
from typer.core import TyperGroup

from cli import main
from tests.support.product import PROJECT

PLACEHOLDER = "NAME"
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
BLOCK_END = re.compile(r"\n\s*\n|\n(?=\||- |\d+\. )")
SPAN = re.compile(r"`([^`]+)`")
PATH = re.compile(r"[\w.-]+/[\w./-]*|[\w-]+\.(?:md|toml|yaml)|Makefile")
NAME = re.compile(r"\w+(?:\.\w+)*")
LUA_NAME = re.compile(r"^local (?:function )?(\w+)", re.MULTILINE)
TARGET = re.compile(r"^([a-z0-9-]+):", re.MULTILINE)


def prose(page: str) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", page)


def fenced(page: str, language: str) -> list[str]:
    """The fenced blocks of a language, those in list items too."""
    return [body for found, body in FENCE.findall(page) if found == language]


def faults(page: str) -> list[str]:
    """The page's code spans that are not to be found, each with the reason."""
    return [f"`{span}`: {fault}" for block in BLOCK_END.split(prose(page)) for span, fault in _faults(block)]


def _faults(block: str) -> Iterator[tuple[str, str]]:
    files: list[Path] = []
    for span in SPAN.findall(block):
        if PATH.fullmatch(span):
            files = found(span)
            if not files:
                yield span, "there is no such path"
        elif NAME.fullmatch(span):
            if not files or not all(span in definitions(file) for file in files):
                yield span, "no file before it defines it"
        elif not _is_command(span):
            yield span, "neither a path, nor a name, nor a command"


def found(path: str) -> list[Path]:
    """The files or folders that a page's path means."""
    is_folder = path.endswith("/")
    matches = PROJECT.glob(path.rstrip("/").replace(PLACEHOLDER, "[!_]*"))
    return [match for match in matches if match.is_dir() == is_folder]


@cache
def definitions(file: Path) -> frozenset[str]:
    """What a Python file or a Lua script defines; members as `Holder.member`."""
    if file.suffix == ".lua":
        return frozenset(LUA_NAME.findall(file.read_text()))
    return frozenset(_names(ast.parse(file.read_text()))) if file.suffix == ".py" else frozenset()


def _names(holder: ast.Module | ast.ClassDef) -> Iterator[str]:
    for node in holder.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{member}" for member in _names(node))
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def targets() -> set[str]:
    """Those of the Makefile."""
    return set(TARGET.findall((PROJECT / "Makefile").read_text()))


def _is_command(span: str) -> bool:
    program, *words = span.split()
    if program == "make":
        return words[:1] != [] and words[0] in targets()
    return program == "mcp-k8s" and _is_subcommand(words)


def _is_subcommand(words: list[str]) -> bool:
    command = typer.main.get_command(main.app)
    for word in words:
        if not isinstance(command, TyperGroup) or word not in command.commands:
            return False
        command = command.commands[word]
    return True
