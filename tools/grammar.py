"""Writes the tables of verbs and flags of CLIs from their own help: `make grammar`, or `make grammar ARGS=helm`.

The binaries are those that `make e2e-tools` built, else those on PATH. `concealed.json` in a tool's folder lists verbs
and flags that the CLI has but its help does not show; each such flag is tried. A flag's type is read from the CLI's own
error messages, and `flag_names.toml` beside it says what the values of flags name.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from shared.command.values.types import ValueType
from shared.tools import registry, table
from shared.tools.table import FlagSpec, Table, Takes, Verb
from shared.tools.tool import Tool
from tools import cli_help, e2e_tools, flag_names
from tools.cli_help import Cli, Help, HelpError, HelpFlag
from tools.flag_names import FlagNames, FlagNamesError

AT_ONCE = 4
GLOBAL = ""
CONCEALED = "concealed.json"
"""File in a tool's folder: verb path → flags that its help does not show because they are deprecated or rarely used."""


def find(name: str, environment: Mapping[str, str]) -> Path | None:
    """Returns the binary to run, or None."""
    built = e2e_tools.cache_folder(environment).bin
    found = shutil.which(name, path=os.pathsep.join([str(built), environment.get("PATH", os.defpath)]))
    return Path(found) if found else None


def concealed(tool: str) -> Mapping[str, Sequence[str]]:
    """Returns the concealed flags to try, or an empty mapping if the folder has no such file."""
    path = table.path(tool).with_name(CONCEALED)
    named: Mapping[str, Sequence[str]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return named


def generate(tool: Tool, binary: Path) -> Table:
    """Returns the table of one CLI. This runs the CLI a few hundred times. Raises HelpError, FlagNamesError."""
    with closing(Cli(tool.name, binary, tool.environment)) as cli:
        return _Walk(tool, cli).table()


def version(tool: Tool, binary: Path) -> str:
    """Returns the version that the CLI prints. Raises HelpError."""
    with closing(Cli(tool.name, binary, tool.environment)) as cli:
        return _version(tool, cli)


def _version(tool: Tool, cli: Cli) -> str:
    match = re.search(tool.version_pattern, cli.output(*tool.version_arguments).partition("+")[0])
    if match is None:
        raise HelpError(f"{tool.name} does not say its version")
    return match[1]


_Key = tuple[str, str, str]


def _key(path: str, flag: HelpFlag) -> _Key:
    """Flags with the same line are the same flag, except lists, because several list types have the same line."""
    return flag.name, flag.line, path if flag.is_listed else ""


class _Walk:
    """Walks the tree of verbs, and runs several processes at the same time."""

    def __init__(self, tool: Tool, cli: Cli) -> None:
        self._tool = tool
        self._cli = cli
        self._concealed = concealed(tool.name)
        self._names = FlagNames(flag_names.load(tool.name))
        self._values: dict[_Key, tuple[Takes, ValueType]] = {}

    def table(self) -> Table:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            helps = dict(self._helps(pool))
            shared = self._global_flags(helps[GLOBAL], helps)
            self._probe(pool, helps, shared)
            concealed = dict(pool.map(self._concealed_flags, helps))
        del helps[GLOBAL]
        verbs = {
            path: Verb(
                flags=self._specs(path, [flag for flag in (*text.flags, *text.inherited) if self._is_own(flag, shared)])
                | concealed[path],
                aliases=tuple(sorted(set(text.aliases) - {path.split()[-1]})),
                is_group=bool(text.verbs),
            )
            for path, text in sorted(helps.items())
        }
        made = Table(
            version=_version(self._tool, self._cli),
            global_flags=dict(sorted((self._specs(GLOBAL, shared) | concealed[GLOBAL]).items())),
            verbs=verbs,
        )
        self._names.check_all_used()
        return made

    def _helps(self, pool: ThreadPoolExecutor) -> Iterator[tuple[str, Help]]:
        level = [GLOBAL]
        while level:
            texts = list(pool.map(self._cli.help, level))
            yield from zip(level, texts, strict=True)
            below = [f"{path} {verb}".strip() for path, text in zip(level, texts, strict=True) for verb in text.verbs]
            more = [path for path in self._concealed if path and path.rpartition(" ")[0] in level and path not in below]
            level = [*below, *more]

    def _global_flags(self, root: Help, helps: Mapping[str, Help]) -> list[HelpFlag]:
        """kubectl lists global flags under the verb `options`. Cobra's layout repeats them under each verb."""
        if "options" in self._concealed:
            return list(cli_help.parse(self._cli.output("options")).flags)
        if "version" not in helps:
            raise HelpError(f"{self._tool.name} has no verb `version`, by whose help global flags are recognised")
        repeated = {flag.name for flag in helps["version"].inherited}
        return [flag for flag in root.flags if flag.name in repeated]

    @staticmethod
    def _is_own(flag: HelpFlag, shared: list[HelpFlag]) -> bool:
        """Whether the flag is the verb's own. A verb may redefine a global flag; its line then differs."""
        return flag.name != "help" and all(flag.line != other.line for other in shared)

    def _probe(self, pool: ThreadPoolExecutor, helps: Mapping[str, Help], shared: list[HelpFlag]) -> None:
        wanted = {_key(GLOBAL, flag): ("version", flag) for flag in shared if not flag.seems_alone}
        for path, text in helps.items():
            for flag in (*text.flags, *text.inherited):
                if not flag.seems_alone:
                    wanted.setdefault(_key(path, flag), (path, flag))
        probed = pool.map(lambda item: self._probed(*item), wanted.values())
        self._values = dict(zip(wanted, probed, strict=True))

    def _probed(self, path: str, flag: HelpFlag) -> tuple[Takes, ValueType]:
        shown = next(word.partition("=")[0] for word in flag.line.split() if word.startswith("--"))
        spelled = shown.split("[")[0].rstrip(":")
        takes_value = self._cli.takes_value(path, spelled)
        return self._value(path, spelled, takes_value=bool(takes_value), is_listed=flag.is_listed)

    def _value(self, path: str, spelled: str, *, takes_value: bool, is_listed: bool) -> tuple[Takes, ValueType]:
        verbatim = ValueType.ARRAY if is_listed else ValueType.STRING
        found = self._cli.value_type(path, spelled) or verbatim
        if found is ValueType.INT and is_listed:
            found = ValueType.STRING  # a list of numbers: it names nothing, and the CLI reads it itself
        if takes_value:
            return Takes.VALUE, found
        return (Takes.NOTHING if found is ValueType.BOOL else Takes.OPTIONAL), found

    def _specs(self, path: str, flags: list[HelpFlag]) -> dict[str, FlagSpec]:
        switch = (Takes.NOTHING, ValueType.BOOL)
        found = {flag: self._values.get(_key(path, flag), switch) for flag in sorted(flags, key=lambda flag: flag.name)}
        return {
            flag.name: self._names.named(path, FlagSpec(flag.name, flag.short, *value)) for flag, value in found.items()
        }

    def _concealed_flags(self, path: str) -> tuple[str, dict[str, FlagSpec]]:
        found = {}
        for spelled in self._concealed.get(path, ()):
            takes_value = self._cli.takes_value(path, f"--{spelled}")
            name = spelled.replace("_", "-")
            if takes_value is not None:
                value = self._value(path, f"--{spelled}", takes_value=takes_value, is_listed=False)
                found[name] = self._names.named(path, FlagSpec(name, "", *value))
        return path, found


def main(names: Sequence[str], environment: Mapping[str, str]) -> int:
    """Writes the tables of the named tools, or of all. Returns the exit code. Writes nothing if a CLI is missing."""
    if unknown := {*names} - {*registry.names()}:
        return _failed(f"there is no tool {', '.join(sorted(unknown))}; the tools are {registry.listed('and')}")
    wanted = names or registry.names()
    binaries = {name: binary for name in wanted if (binary := find(name, environment))}
    if missing := [name for name in wanted if name not in binaries]:
        return _failed(f"there is no {', '.join(missing)} on PATH; make e2e-tools builds the product's CLIs")
    try:
        for name, binary in binaries.items():
            print(_written(registry.find(name), binary))
    except (HelpError, FlagNamesError) as error:
        return _failed(str(error))
    return 0


def _written(tool: Tool, binary: Path) -> str:
    """Writes the table of one CLI, and returns what it holds."""
    before, made = table.load(tool.name), generate(tool, binary)
    table.path(tool.name).write_text(table.dump(made), encoding="utf-8")
    flags = sum(len(verb.flags) for verb in made.verbs.values())
    was = f" (was {before.version})" if before.version not in ("", made.version) else ""
    return f"shared/tools/{tool.name}/table.json: {made.version}{was}, {len(made.verbs)} verbs, {flags} flags"


def _failed(reason: str) -> int:
    print(f"error: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
