"""What a soak has shown: its table, and whether everything is zero that must be."""

from collections import Counter

from shared.models import JobState
from tests.soak.audit import Leaks
from tests.soak.ledger import Entry, Ledger
from tests.soak.outcome import Row

MAX_MEMORY_GROWTH_MB = 50.0
"""Allocators keep what they once had; a leak of 10 KB a job would show as twice this."""
READ_ATTEMPTS = 2
"""A read whose worker was lost may be run once more."""


def judge(ledger: Ledger, starts: Counter[str], leaks: Leaks) -> list[Row]:
    """Rows of numbers; those that do not hold fail the soak."""
    entries = ledger.entries
    reported = {entry.job_id for entry in entries if entry.state is JobState.LOST}
    writes = {entry.job_id for entry in entries if entry.kind.is_write}
    expected = ledger.on_killed_workers & writes
    unexpected = len((reported & writes) ^ expected) + len((reported - writes) - ledger.on_killed_workers)
    return [
        zero("silently lost", sum(is_silently_lost(entry, starts) for entry in entries)),
        Row("never accepted, after a 503 that said so", str(sum(was_never_accepted(each, starts) for each in entries))),
        zero("doubled", sum(is_doubled(entry, starts) for entry in entries)),
        zero("stuck", sum(entry.problem == "stuck" for entry in entries)),
        zero("failed without a reason", sum(is_undue(entry) for entry in entries)),
        Row("writes reported lost", f"{len(reported & writes)}, on killed workers {len(expected)}"),
        Row("reads reported lost", str(len(reported - writes))),
        zero("reported lost without a killed worker, or the reverse", unexpected),
        zero("leaked processes", leaks.processes),
        zero("leaked memfds", leaks.memfds),
        zero("leaked subscriptions", leaks.subscriptions),
        zero("gateways that hear no notices any more", leaks.deaf_gateways),
        zero("keys beyond retention", leaks.keys),
        Row(
            "memory growth of the process that grew most",
            f"{leaks.memory_mb:.1f} MB, at most {MAX_MEMORY_GROWTH_MB:.0f}",
            leaks.memory_mb <= MAX_MEMORY_GROWTH_MB,
        ),
    ]


def render(rows: list[Row]) -> str:
    width = max(len(row.name) for row in rows)
    return "\n".join(f"{'ok  ' if row.holds else 'FAIL'}  {row.name:<{width}}  {row.value}" for row in rows)


def is_silently_lost(entry: Entry, starts: Counter[str]) -> bool:
    """It was accepted, and there is no record of it; or it is said to have succeeded, and never ran."""
    if was_never_accepted(entry, starts):
        return False
    if entry.problem is not None:
        return entry.problem != "stuck"
    return entry.kind.is_counted and entry.state is JobState.SUCCEEDED and starts[entry.mark] == 0


def was_never_accepted(entry: Entry, starts: Counter[str]) -> bool:
    """Its caller was told that the outcome is unknown, then that there is no such job; and indeed it never ran."""
    return is_unknown(entry) and starts[entry.mark] == 0


def is_unknown(entry: Entry) -> bool:
    """Its caller was told that the outcome is unknown, and then that there is no such job."""
    return entry.is_unknown and not entry.is_accepted


def is_doubled(entry: Entry, starts: Counter[str]) -> bool:
    return starts[entry.mark] > (1 if entry.kind.is_write else READ_ATTEMPTS)


def is_suspect(entry: Entry, starts: Counter[str], on_killed_workers: set[str]) -> bool:
    """Whether any row but those of leaks counts it as what must not be."""
    was_killed = entry.job_id in on_killed_workers
    is_lost = entry.state is JobState.LOST
    return (
        entry.problem == "stuck"
        or is_undue(entry)
        or is_silently_lost(entry, starts)
        or is_doubled(entry, starts)
        or (is_lost and not was_killed)
        or (was_killed and entry.kind.is_write and not is_lost)
    )


def is_undue(entry: Entry) -> bool:
    """Whether it ended as no command of a soak does by itself."""
    return entry.state in _UNDUE


_UNDUE = (JobState.FAILED, JobState.TIMED_OUT, JobState.CANCELLED, JobState.EXPIRED)


def zero(name: str, value: int) -> Row:
    """A row that holds when nothing was counted."""
    return Row(name, str(value), value == 0)
