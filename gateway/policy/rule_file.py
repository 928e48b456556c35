"""Reads the file that `K8S_MCP_SECURITY_CONFIG` names. An error names the line of the file."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from gateway.policy.rules import Rules
from shared import documents
from shared.documents import DocumentError
from shared.settings import PREFIX, SettingsError

DIGEST_CHARACTERS = 12

Location = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The content of a rules' file. `digest` identifies it in logs."""

    rules: Rules
    digest: str


def load(path: Path) -> RuleFile:
    """Reads the file. Raises `SettingsError` with one line of text: file, line and reason."""
    try:
        data = path.read_bytes()
        text = data.decode()
    except OSError as error:
        raise _error(path, error.strerror or "it cannot be read") from error
    except UnicodeDecodeError as error:
        raise _error(path, "it is not UTF-8 text") from error
    try:
        roots = documents.load_all(text)
        if len(roots) != 1 or not isinstance(roots[0], dict):
            raise _error(path, "it must contain one mapping, with `namespaces`, `trust_charts` and `rules`")
        rules = Rules.model_validate(roots[0])
    except DocumentError as error:
        raise _error(path, str(error)) from error
    except ValidationError as error:
        raise _error(path, _first(error, text)) from error
    return RuleFile(rules, hashlib.sha256(data).hexdigest()[:DIGEST_CHARACTERS])


def _first(error: ValidationError, text: str) -> str:
    """Describes the error with the lowest line number."""
    lines = dict(_lines(yaml.compose(text, Loader=yaml.CSafeLoader)))
    problems = error.errors(include_url=False, include_input=False)
    line, _, problem = min((_line(lines, each["loc"]), number, each) for number, each in enumerate(problems))
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"]).lstrip(".")
    return f"line {line}: {where}: {problem['msg'].removeprefix('Value error, ')}"


def _line(lines: Mapping[Location, int], location: Location) -> int:
    """Returns the line of the value, or of the nearest value that contains it."""
    return next(lines[location[:length]] for length in range(len(location), -1, -1) if location[:length] in lines)


def _lines(node: yaml.Node | None, path: Location = ()) -> Iterator[tuple[Location, int]]:
    """Yields the location of each value with the line of its key, or of the value itself if it has no key."""
    yield path, node.start_mark.line + 1 if node and node.start_mark else 1
    if isinstance(node, yaml.SequenceNode):
        for number, child in enumerate(node.value):
            yield from _lines(child, (*path, number))
    elif isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            yield from _lines(child, (*path, key.value))
            yield (*path, key.value), key.start_mark.line + 1


def _error(path: Path, problem: str) -> SettingsError:
    return SettingsError(f"{PREFIX}SECURITY_CONFIG: {path}: {problem}")
