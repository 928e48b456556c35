"""Reads the `--help` texts of CLIs that are built with cobra, and finds out whether a flag takes a value.

It runs the real binaries without a cluster or configuration and with an empty HOME. It reads two layouts: cobra's own,
and kubectl's (`-o, --output='':`). https://pkg.go.dev/github.com/spf13/cobra
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.command.values.types import ValueType

TIMEOUT_S = 60
_VERB_HEADING = re.compile(r"^(?!.*[Pp]lugins)[A-Z].*(?:[Cc]ommands?|help topics)\b.*:$")
_VERB = re.compile(r"^ {2}([a-z][\w-]*) ")
_TOPIC = re.compile(r"^ {2}\S+ ([a-z][\w-]*) {2,}")
_FLAG = re.compile(r"^ {2,6}(?:-(\w), +)?--([\w.-]+)(=.*:$| \S.*?(?= {2,}|$)|(?= {2,}|$))")
_SWITCH = re.compile(r"=(?:true|false):")
_LISTED = re.compile(r"=\[.*\]:| (?:stringArray|ints|\w+Slice)")
_COMPLAINTS = {
    "strconv.ParseBool": ValueType.BOOL,
    "strconv.ParseInt": ValueType.INT,
    "time: invalid duration": ValueType.DURATION,
    "in quoted-field": ValueType.LIST,
    "must be formatted as key=value": ValueType.MAP,
}
"""What pflag's types say of a single quote, which none of them takes."""


class HelpError(Exception):
    """The CLI did not answer as expected."""


@dataclass(frozen=True, slots=True)
class HelpFlag:
    """A flag in a help text. `seems_alone` means that the text shows no type and no value for it."""

    name: str
    short: str
    seems_alone: bool
    is_listed: bool
    """Its default value is a list, or its type says so."""
    line: str


@dataclass(frozen=True, slots=True)
class Help:
    """The content of a help text."""

    verbs: tuple[str, ...]
    aliases: tuple[str, ...]
    flags: tuple[HelpFlag, ...]
    inherited: tuple[HelpFlag, ...]


class Cli:
    """One binary."""

    def __init__(self, name: str, binary: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self._binary = binary
        self._environment = environment
        self._home = tempfile.TemporaryDirectory(prefix="grammar-")

    def close(self) -> None:
        self._home.cleanup()

    def help(self, verb: str, *words: str) -> Help:
        """Returns the content of a verb path's help text. Raises HelpError."""
        return parse(self.output(*verb.split(), *(words or ("--help",))))

    def output(self, *words: str) -> str:
        """Returns the standard output. Raises HelpError if the CLI fails."""
        done = self._run(*words)
        if done.returncode:
            raise HelpError(f"{self.name} {' '.join(words)}: {done.stderr[:200]}")
        return done.stdout

    def takes_value(self, verb: str, flag: str) -> bool | None:
        """Returns whether the flag takes the next word, or None if the verb does not have the flag.

        With `--help` no command runs, but the flag library first reads all flags and reports a missing value.
        """
        done = self._run(*verb.split(), "--help", flag)
        said = done.stdout + done.stderr
        if "flag needs an argument" in said:
            return True
        return None if "unknown flag" in said or "unknown shorthand" in said else False

    def value_type(self, verb: str, flag: str) -> ValueType | None:
        """The type that complains of a single quote in its own words; None where the flag takes it as it is."""
        done = self._run(*verb.split(), "--help", f'{flag}="')
        said = done.stdout + done.stderr
        complaint = next((line for line in said.splitlines() if "invalid argument" in line), "")
        return next((found for words, found in _COMPLAINTS.items() if words in complaint), None)

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {"HOME": self._home.name, "PATH": "", "KUBECONFIG": os.devnull, "NO_COLOR": "1", "GOGC": "off"}
        return subprocess.run(
            [self._binary, *words],
            env={**environment, **self._environment},
            cwd=self._home.name,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )


def parse(text: str) -> Help:
    """Returns the content of a help text."""
    sections = dict(_sections(text))
    verbs = [
        verb for heading, lines in sections.items() if _VERB_HEADING.match(heading) for verb in _verbs(heading, lines)
    ]
    aliases = [alias.strip() for line in sections.get("Aliases:", ()) for alias in line.split(",")]
    own = [flag for heading in ("Options:", "Flags:") for flag in _flags(sections.get(heading, ()))]
    if "The following options can be passed to any command:" in sections:
        own += _flags(sections["The following options can be passed to any command:"])
    return Help(
        tuple(dict.fromkeys(verbs)), tuple(filter(None, aliases)), tuple(own), _flags(sections.get("Global Flags:", ()))
    )


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    heading, lines = "", list[str]()
    for line in text.splitlines():
        if line and not line[0].isspace() and line.endswith(":"):
            yield heading, lines
            heading, lines = line, []
        else:
            lines.append(line)
    yield heading, lines


def _verbs(heading: str, lines: list[str]) -> list[str]:
    pattern = _TOPIC if "topics" in heading else _VERB
    matches = [pattern.match(line) for line in lines]
    return [match[1] for match in matches if match]


def _flags(lines: "list[str] | tuple[()]") -> tuple[HelpFlag, ...]:
    matches = [_FLAG.match(line) for line in lines]
    return tuple(
        HelpFlag(
            name=match[2].replace("_", "-"),
            short=match[1] or "",
            seems_alone=not match[3] or bool(_SWITCH.fullmatch(match[3])),
            is_listed=bool(_LISTED.fullmatch(match[3])),
            line=match[0].strip(),
        )
        for match in matches
        if match
    )
