"""Holds what the door has seen during one test to what the API servers have done."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from shared.changes import Change
from shared.models import ChangePage
from tests.e2e.session import control_planes
from tests.support import audit_comparison
from tests.support.control_plane.audit import COMPLETE, STARTED, AuditEvent
from tests.support.request_notes import RequestNote, RequestNotes
from tests.support.waiting import wait_blocking

SETTLED_WITHIN_S = 10
"""Logs are written a moment after the answers, and requests of a command that was ended break off after it."""


@dataclass
class Comparison:
    """Of the requests and changes from its creation on."""

    sources: Sequence[RequestNotes]
    _found: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._noted_before = set(self._notes())
        self._audited_before = set(_events())

    def check(self) -> None:
        """Fails with a table if anything differs."""
        try:
            wait_blocking(self._is_equal, timeout_s=SETTLED_WITHIN_S)
        except AssertionError:
            table = "\n".join(self._found)
            raise AssertionError(f"the door and the API server's audit log differ:\n{table}") from None

    def _is_equal(self) -> bool:
        notes, events = self._notes(), _events()
        audited = set() if self._has_lost_notes() else events.keys() - self._audited_before
        noted = notes.keys() - self._noted_before
        self._found = list(audit_comparison.request_differences(notes, events, noted=noted, audited=audited))
        if not self._has_lost_notes():
            self._found += self._change_differences(notes, events)
        return not self._found

    def _change_differences(self, notes: Mapping[str, RequestNote], events: Mapping[str, AuditEvent]) -> Iterator[str]:
        """Yields those of the jobs that have ended, each as a gateway tells it."""
        new = {notes[audit_id].job_id for audit_id in notes.keys() - self._noted_before}
        jobs = audit_comparison.by_job(notes, events)
        for source in self.sources:
            own = new & {note.job_id for note in source.all()}
            if not own:
                continue
            url = f"http://{source.product.addresses[0]}"
            with httpx.Client(base_url=url, trust_env=False, verify=False) as http:
                for job_id in own:
                    for line in audit_comparison.change_differences(changes(http, job_id), jobs[job_id]):
                        yield f"job {job_id}: {line}"

    def _has_lost_notes(self) -> bool:
        """Whether a process was ended, which then may not have logged its last requests."""
        return any(not process.is_running for source in self.sources for process in source.product.processes)

    def _notes(self) -> dict[str, RequestNote]:
        return {note.audit_id: note for source in self.sources for note in source.all()}


def changes(http: httpx.Client, job_id: str) -> list[Change]:
    """Returns all changes of a job, page by page."""
    found: list[Change] = []
    cursor: str | None = None
    while True:
        answer = http.get(f"/jobs/{job_id}/changes", params={"limit": 500} | ({"cursor": cursor} if cursor else {}))
        page = ChangePage.model_validate_json(answer.raise_for_status().text)
        found += page.changes
        cursor = page.next_cursor
        if cursor is None:
            return found


def _events() -> dict[str, AuditEvent]:
    """Returns the newest stage of each request of all control planes that were started."""
    return {
        event.audit_id: event
        for cluster in control_planes
        for stage in (STARTED, COMPLETE)
        for event in cluster.audit.events(stage=stage)
    }
