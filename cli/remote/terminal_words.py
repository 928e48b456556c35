"""Puts a gateway's advice into terms of `mcp-k8s run`, because the gateway names the fields and headers of its API."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

_KUBECONFIG = re.compile(r"(?:, as printed by `[^`]*`,)? in the header X-Kubeconfig or in the field `kubeconfig`")
_FIELD = re.compile(r"in(?:to)? (?:the field )?`(files|stdin)`(?: \(name to text\))?")
_NAME = re.compile(r"`(files|stdin)`")
_OPTIONS = {"files": "`--file`", "stdin": "`--stdin`"}
_MEANS = {"files": "with `--file`", "stdin": "through `--stdin`"}


def translated(advice: str, *, tool: str, arguments: Sequence[str], sent: Sequence[Path]) -> str:
    """Returns the advice in terms of options, and the command that also sends the files that it names.

    `sent` are the files that were sent already.
    """
    text = _KUBECONFIG.sub(" with `--kubeconfig` or KUBECONFIG", advice)
    text = _FIELD.sub(lambda found: _MEANS[found[1]], text)
    text = _NAME.sub(lambda found: _OPTIONS[found[1]], text)
    missing = [path for path in _files_of_this_folder(arguments) if path not in sent]
    if "`--file`" not in text or not missing:
        return text
    options = [word for path in (*sent, *missing) for word in ("--file", str(path))]
    return f"{text} Here: mcp-k8s run {shlex.join([*options, tool, *arguments])}"


def _files_of_this_folder(arguments: Sequence[str]) -> Iterator[Path]:
    """Yields each file below the current folder that an argument names, or the value of one (`--filename=FILE`)."""
    for name in dict.fromkeys(part for word in arguments for part in (word, word.rpartition("=")[2])):
        path = Path(name)
        if name and not path.is_absolute() and ".." not in path.parts and path.is_file():
            yield path
