"""Makes the caller's view of a stored job: decrypts its response, or makes one if no worker has stored a response."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel

from gateway.jobs import change_pages
from gateway.jobs.output_keys import OutputKeys, opened
from shared import terminal
from shared.changes import Changes
from shared.events import EventKind, OutputEvent, attempt_of
from shared.models import CommandClass, CommandResponse, Job, JobId, JobLinks, JobState, ListedJob
from shared.sealing.fernet_keys import DataKey, Purpose, SealError
from shared.store.job_store import JobStore, StoredJob
from shared.store.record import JobRecord
from shared.store.submits import NewJob

NO_EXIT_CODE = -1
EVENTS_PAGE = 50
BYTES_PER_CHARACTER = 4

_HINTS = {
    JobState.EXPIRED: "No worker was free or alive; GET /tools/status shows which tools have live workers.",
    JobState.TIMED_OUT: "The command reached its time limit: send a longer `timeout` (seconds).",
}
_LOST_READ = "The command changes nothing: send it again."
_LOST_UNCHANGED = "It had sent no change to the cluster: send it again."
_LOST_CHANGED = "It had begun to change the cluster: look at `changes`, and at the cluster, before you send it again."
_LOST_WRITE = "The command may have taken effect: look at the cluster before you send it again."


def queued(job: NewJob, created_at: datetime) -> Job:
    """Returns the caller's view of a job that was just queued, without another read from Redis."""
    return Job(
        id=job.id,
        tool=job.tool,
        state=JobState.QUEUED,
        command_class=job.command_class,
        created_at=created_at,
        links=_links(job.id),
    )


def listed(record: JobRecord) -> ListedJob:
    """Returns the caller's view of a job, without its response."""
    return ListedJob(
        id=record.id,
        tool=record.tool,
        state=record.state,
        command_class=record.command_class,
        created_at=record.created_at,
        started_at=record.started_at,
        ended_at=record.ended_at,
        links=_links(record.id),
    )


class JobText(BaseModel):
    """The stored output of a job as text, and what its command has changed."""

    stdout: str = ""
    stderr: str = ""
    truncated: bool = False
    changes: Changes | None = None
    account: list[str] = []
    """What is known about the changes, in lines for a job that was cut short."""
    is_known: bool = True
    """Whether the stored events could be opened."""


@dataclass(frozen=True, slots=True)
class ResponseReader:
    """Decrypts the responses and the output that workers have stored."""

    store: JobStore
    output_keys: OutputKeys
    max_output: int

    async def job(self, stored: StoredJob) -> Job:
        """Returns the caller's view of a job, with its response if the job has ended."""
        progress = await self.progress(stored.record)
        response = await self.response(stored) if stored.record.state.is_final else None
        return Job(**dict(listed(stored.record)), progress=progress, response=_with_progress(response, progress))

    async def progress(self, record: JobRecord) -> str | None:
        """Returns the newest message about what the command waits for; None if there is none, or if it succeeded."""
        if record.started_at is None or record.state is JobState.SUCCEEDED:
            return None
        try:
            event = await self._newest_progress(record)
        except SealError:
            return None
        return terminal.plain(event.content.decode("utf-8", "replace")) if event else None

    async def _newest_progress(self, record: JobRecord) -> OutputEvent | None:
        if record.progress is not None:
            return await self._event(record, record.progress)
        newest = await self.store.newest_event(record.id)
        if not newest or attempt_of(newest) != record.attempt:
            return None
        event = await self._event(record, newest)
        return event if event is None or event.kind is EventKind.PROGRESS else await self._event(record, event.progress)

    async def _event(self, record: JobRecord, sequence: int) -> OutputEvent | None:
        """Returns the event with that number; None if it is 0 or not stored."""
        found = await self.store.events(record.id, after=sequence - 1, limit=1) if sequence else []
        return opened(self.output_key(record), found[0]) if found and found[0].sequence == sequence else None

    async def response(self, stored: StoredJob) -> CommandResponse:
        """Returns the worker's response. For a job that ended without one, returns the stored output and the reason."""
        record = stored.record
        if stored.response is not None:
            try:
                payload = self.output_key(record).open(stored.response, Purpose.RESPONSE)
            except SealError:
                return _worded(record, "this gateway's master keys do not open the result", JobText())
            response = CommandResponse.model_validate_json(payload)
            return response.model_copy(update={"hint": response.hint or _HINTS.get(record.state)})
        text = await self.text(record) if record.started_at else JobText()
        return _worded(record, record.reason or "the command was not completed", text)

    async def text(self, record: JobRecord) -> JobText:
        """Returns the output so far, each stream cut at `max_output` characters, and the changes so far."""
        try:
            stdout, stderr, more = await self._heads(record)
            changes = await change_pages.tally(self.store, record.id, self.output_key(record))
        except SealError:
            return JobText(is_known=False)
        stdout_text, stderr_text = stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace")
        cut = more or max(len(stdout_text), len(stderr_text)) > self.max_output
        return JobText(
            stdout=terminal.plain(stdout_text[: self.max_output]),
            stderr=terminal.plain(stderr_text[: self.max_output]),
            truncated=cut,
            changes=changes.told(),
            account=changes.account(),
        )

    async def _heads(self, record: JobRecord) -> tuple[bytes, bytes, bool]:
        """Returns the first bytes of stdout and of stderr, and whether more is stored."""
        key = self.output_key(record)
        heads = {EventKind.STDOUT: bytearray(), EventKind.STDERR: bytearray()}
        full = self.max_output * BYTES_PER_CHARACTER
        after, more = 0, False
        while page := await self.store.events(record.id, after=after, limit=EVENTS_PAGE):
            for event in [opened(key, sealed) for sealed in page]:
                head = heads.get(event.kind)
                if head is not None:
                    more = more or len(head) + len(event.content) > full
                    head += event.content[: full - len(head)]
            after = page[-1].sequence
            if more and all(len(head) >= full for head in heads.values()):
                break
        return bytes(heads[EventKind.STDOUT]), bytes(heads[EventKind.STDERR]), more

    def output_key(self, record: JobRecord) -> DataKey:
        """Returns the key of the job's events and response. Raises `SealError` if no master key here unwraps it."""
        return self.output_keys.of(record)


def _with_progress(response: CommandResponse | None, progress: str | None) -> CommandResponse | None:
    """Adds to the hint what the command waited for, because that is the next thing to look at."""
    if response is None or progress is None:
        return response
    hint = " ".join(filter(None, (response.hint, f"Last seen: {progress}.")))
    return response.model_copy(update={"hint": hint})


def _links(job_id: JobId) -> JobLinks:
    own = f"/jobs/{job_id}"
    return JobLinks(self=own, events=f"{own}/events", output=f"{own}/output", changes=f"{own}/changes")


def _worded(record: JobRecord, reason: str, text: JobText) -> CommandResponse:
    return CommandResponse(
        success=False,
        output=text.stdout,
        error="\n".join(filter(None, (text.stderr.rstrip(), *text.account, reason))),
        exit_code=NO_EXIT_CODE,
        job_id=record.id,
        state=record.state,
        duration_ms=_milliseconds(record.started_at, record.ended_at),
        truncated=text.truncated,
        hint=_hint(record, text),
        changes=text.changes,
    )


def _hint(record: JobRecord, text: JobText) -> str | None:
    return _hint_of_lost(record, text) if record.state is JobState.LOST else _HINTS.get(record.state)


def _hint_of_lost(record: JobRecord, text: JobText) -> str:
    if text.changes is not None:
        return _LOST_CHANGED
    if record.command_class is CommandClass.READ:
        return _LOST_READ
    return _LOST_UNCHANGED if text.is_known else _LOST_WRITE


def _milliseconds(start: datetime | None, end: datetime | None) -> int:
    return round((end - start).total_seconds() * 1000) if start and end else 0
