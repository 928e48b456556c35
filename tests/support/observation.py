"""Prints where the words of commands and their requests are judged differently, at the end of a test session.

A plugin of pytest: fixtures hand over the requests that they have seen, also in the processes of pytest-xdist.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import pytest

from shared.models import CommandClass
from tests.support.request_notes import RequestNote

MORE_THAN_READ = "commands that read or stay local, but send requests that are not reads"
STRICT_REFUSES = "commands that strict lets pass by their words, whose requests strict refuses at the door"
ONLY_READS = "commands that write by their words, whose requests were all reads"
_OUTPUT = "observation"
_REFUSED_BY_WORDS = frozenset({CommandClass.DESTRUCTIVE, CommandClass.CREDENTIAL})
_COUNTS = pytest.StashKey[Counter[tuple[str, str]]]()
"""Difference and command → how often it was seen."""


def add(config: pytest.Config, notes: Iterable[RequestNote]) -> None:
    """Adds the differences in the requests of whole commands."""
    config.stash.setdefault(_COUNTS, Counter()).update(differences(notes))


def differences(notes: Iterable[RequestNote]) -> Counter[tuple[str, str]]:
    """Counts what the words say otherwise than the requests, by kind of difference and command."""
    found: Counter[tuple[str, str]] = Counter()
    jobs: defaultdict[str, list[RequestNote]] = defaultdict(list)
    for note in notes:
        jobs[note.job_id].append(note)
        words, request = _words(note), _request(note)
        if CommandClass(note.command_class).changes_nothing and not note.is_read:
            found[MORE_THAN_READ, f"{words}: {request}"] += 1
        if note.strict_refusal and note.command_class not in _REFUSED_BY_WORDS:
            found[STRICT_REFUSES, f"{words}: {request}: {note.strict_refusal}"] += 1
    for sent in jobs.values():
        if not CommandClass(sent[0].command_class).changes_nothing and all(note.is_read for note in sent):
            found[ONLY_READS, _words(sent[0])] += 1
    return found


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hands the counts of a process of pytest-xdist to the one that prints."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_OUTPUT] = [[*key, count] for key, count in session.config.stash.get(_COUNTS, Counter()).items()]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes the counts of a process of pytest-xdist that has ended."""
    counts = node.config.stash.setdefault(_COUNTS, Counter())
    for kind, what, count in getattr(node, "workeroutput", {}).get(_OUTPUT, ()):
        counts[kind, what] += count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    counts = config.stash.get(_COUNTS, Counter())
    for kind in (MORE_THAN_READ, STRICT_REFUSES, ONLY_READS):
        lines = sorted(f"{count:5} {what}" for (of, what), count in counts.items() if of == kind)
        if lines:
            terminalreporter.section(kind)
            terminalreporter.write_line("\n".join(lines))


def _words(note: RequestNote) -> str:
    return f"{note.tool} {note.command} ({note.command_class})"


def _request(note: RequestNote) -> str:
    if not note.is_resource:
        return f"{note.method} {note.path}"
    return f"{note.verb} {'/'.join(filter(None, (note.resource, note.subresource)))}"
