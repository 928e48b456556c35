"""Checks that the tools, verbs, flags and classes of a rule exist. A ValueError names the nearest known word."""

import difflib
import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from shared.models import CommandClass
from shared.tools import registry
from shared.tools.class_rules import no_kinds
from shared.tools.tool import Tool

_VERSION = re.compile(r"^v\d+((alpha|beta)\d+)?(\.|$)")


def tools(names: Iterable[str]) -> list[Tool]:
    """Returns the named tools, or all tools if none is named."""
    found = [tool for tool in registry.tools() if tool.name in set(names)]
    return found or [*registry.tools()]


def checked_tools(names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the names. Raises ValueError unless each is exactly that of a tool."""
    for name in names:
        _check(name, registry.names(), "there is no tool")
    return names


def checked_classes(names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the names. Raises ValueError unless each is exactly that of a class."""
    for name in names:
        _check(name, [str(each) for each in CommandClass], "there is no class")
    return names


def check_verb(of: Sequence[Tool], pattern: str) -> None:
    """Raises ValueError unless `pattern` is a complete verb path, without aliases, or matches one."""
    known = {path for tool in of for path in (*tool.grammar.table.verbs, *tool.grammar.classes)}
    if not any(fnmatchcase(path, pattern) for path in known):
        _check(pattern, sorted(known), f"{_names(of)} has no verb")


def checked_flag(of: Sequence[Tool], written: str) -> str:
    """Returns the flag's long name without dashes. ValueError for an unknown flag."""
    name = written.removeprefix("--")
    _check(name, sorted(set().union(*map(_flags, of))), f"{_names(of)} has no flag")
    return name


def check_allowable(of: Sequence[Tool], flag: str) -> None:
    """Raises ValueError if every tool that has the flag refuses it in every mode."""
    grammars = [tool.grammar for tool in of if flag in _flags(tool)]
    if all(flag in grammar.refused_flags and flag not in grammar.redefined_under for grammar in grammars):
        raise ValueError(f"no rule can allow `--{flag}`: it is refused in every mode")


def plurals(of: Sequence[Tool], kinds: Sequence[str]) -> tuple[str, ...]:
    """Returns the plural names of the kinds, as the tools know them, with the groups that are written with them.

    ValueError if no tool has kinds.
    """
    naming = [tool.grammar for tool in of if tool.grammar.kinds is not no_kinds]
    if not naming:
        raise ValueError(f"commands of {_names(of)} do not name kinds")
    for kind in kinds:
        if "/" in kind or kind.lower() == "all":
            raise ValueError(f"{kind!r} is no kind: write the kind alone, or `*` for every kind")
    return tuple(dict.fromkeys(f"{grammar.plural(kind)}{_group(kind)}" for kind in kinds for grammar in naming))


def _group(kind: str) -> str:
    """Returns what follows the first word, without a version: `.apps` of `deployments.v1.apps`."""
    _, dot, rest = kind.lower().partition(".")
    group = _VERSION.sub("", rest)
    return f"{dot}{group}" if group else ""


def _flags(tool: Tool) -> set[str]:
    table = tool.grammar.table
    return {*table.global_flags, *(flag for verb in table.verbs.values() for flag in verb.flags)}


def _names(of: Sequence[Tool]) -> str:
    return " or ".join(tool.name for tool in of)


def _check(word: str, known: Sequence[str], complaint: str) -> None:
    if word in known:
        return
    nearest = difflib.get_close_matches(word, known, n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else _short(known)
    raise ValueError(f"{complaint} {word!r}: {hint}")


def _short(known: Sequence[str]) -> str:
    return f"there are {', '.join(known)}" if len(known) <= len(CommandClass) else "see `mcp-k8s policy table`"
