"""What a soak of failovers has shown: its table, and whether everything is zero that must be."""

from collections import Counter
from collections.abc import Iterable

from shared.models import JobState
from tests.soak.failover.course import Course
from tests.soak.ledger import Entry, Ledger
from tests.soak.outcome import Row
from tests.soak.verdict import is_doubled, is_silently_lost, is_undue, is_unknown, zero

MAX_WAIT_S = 15.0


def judge(ledger: Ledger, starts: Counter[str], course: Course) -> list[Row]:
    """Rows of numbers; those that do not hold fail the soak."""
    submitted = [entry for entry in ledger.entries if not entry.kind.is_held]
    held = [entry for entry in ledger.entries if entry.kind.is_held]
    unknown = [entry for entry in submitted if entry.job_id and not entry.is_accepted]
    return [
        Row("primaries ended", str(sum(map(len, course.waits_s.values())))),
        Row("jobs submitted", f"{len(submitted)}: {_states(submitted)}"),
        Row("commands that ran when a primary ended", f"{len(held)}: {_states(held)}"),
        Row("answers that said to come again", str(ledger.refused)),
        Row("submits of unknown outcome (503 with an id)", str(len(unknown))),
        Row("of these not known later", str(_count(is_unknown(each) for each in unknown))),
        zero("accepted and lost", _count(_is_lost(each, starts) for each in ledger.entries)),
        zero("writes run twice", _count(each.kind.is_write and is_doubled(each, starts) for each in ledger.entries)),
        zero(
            "reads run more than twice",
            _count(not each.kind.is_write and is_doubled(each, starts) for each in ledger.entries),
        ),
        zero("stuck", _count((each.problem or "").startswith("stuck") for each in ledger.entries)),
        zero("failed without a reason", _count(is_undue(each) for each in ledger.entries)),
        zero("told an end that is not kept", len(course.forgotten)),
        zero("processes and immortal keys left", len(course.left)),
        *_wait_rows(course),
    ]


def details(ledger: Ledger, starts: Counter[str], course: Course) -> list[str]:
    """What is behind rows that do not hold, and behind jobs that were told as lost."""
    suspects = [
        f"{entry.mark} {entry.kind.name} {entry.job_id}: {entry.state}, {starts[entry.mark]} starts, "
        f"accepted: {entry.is_accepted}, {entry.problem or entry.said}"
        for entry in ledger.entries
        if (entry.problem and not is_unknown(entry))
        or entry.state is JobState.LOST
        or is_undue(entry)
        or is_doubled(entry, starts)
        or _is_lost(entry, starts)
    ]
    badly = [f"probe: {response.state} {response.error!r}" for response in course.probe.ended_badly]
    return [*suspects, *course.forgotten, *course.left, *badly]


def _wait_rows(course: Course) -> Iterable[Row]:
    for ending, waits_s in course.waits_s.items():
        longest = max(waits_s)
        value = f"{longest:.1f} s, at most {MAX_WAIT_S:.0f} ({len(waits_s)} times)"
        yield Row(f"longest wait for an answer, primary {ending.value}", value, longest <= MAX_WAIT_S)


def _states(entries: Iterable[Entry]) -> str:
    counts = Counter(entry.state or "no end" for entry in entries)
    return ", ".join(f"{count} {state}" for state, count in counts.most_common())


def _is_lost(entry: Entry, starts: Counter[str]) -> bool:
    """Whether its caller was told that it is accepted, and it is gone. It may have run if the outcome is unknown."""
    return not is_unknown(entry) and is_silently_lost(entry, starts)


def _count(facts: Iterable[bool]) -> int:
    return sum(facts)
