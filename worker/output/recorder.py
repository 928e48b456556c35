"""Records the output of a command: sealed in the job's event stream while it runs, and cut in its response.

Both are limited. Output beyond the limit is counted and dropped, and the command goes on.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from shared import metrics, terminal, utf8
from shared.events import EventKind
from shared.metrics import OutputFate
from shared.sealing.fernet_keys import DataKey
from shared.store.attempts import Attempt, SealedEvent
from shared.store.job_store import JobStore
from worker.job_control import JobControl
from worker.output.change_log import ChangeLog
from worker.output.event_writer import EventWriter

EVENT_OVERHEAD_BYTES = 300
"""Bytes that an event takes in Redis beside its data. They count, so that single bytes of output cannot fill Redis."""
BYTES_PER_CHARACTER = 4


@dataclass(frozen=True, slots=True)
class OutputLimits:
    """How much of a job's output is kept: characters in the response, bytes in the event stream."""

    response_characters: int
    stored_bytes: int


class OutputRecorder:
    """The output of one attempt."""

    def __init__(
        self,
        store: JobStore,
        attempt: Attempt,
        control: JobControl,
        *,
        key: DataKey,
        limits: OutputLimits,
        last_sequence: int = 0,
    ) -> None:
        self._writer = EventWriter(store, attempt, control, key=key, last_sequence=last_sequence)
        self.changes = ChangeLog(self._writer)
        """Notes what the command changes."""
        self._limits = limits
        self._heads = {EventKind.STDOUT: bytearray(), EventKind.STDERR: bytearray()}
        self._totals = {EventKind.STDOUT: 0, EventKind.STDERR: 0}
        self._stored_bytes = 0
        self._dropped_bytes = 0
        self._held = {EventKind.STDOUT: b"", EventKind.STDERR: b""}

    @property
    def dropped_bytes(self) -> int:
        """Bytes of output that were not stored."""
        return self._dropped_bytes

    @property
    def newest_progress(self) -> int:
        """Sequence number of the newest sealed progress event, or 0 if there is none. Ask after `remaining`."""
        return self._writer.newest_progress

    def count(self) -> None:
        """Adds the stored and dropped bytes to the metrics. Call it once, after all output was added."""
        metrics.OUTPUT_BYTES.labels(OutputFate.DROPPED).inc(self._dropped_bytes)
        metrics.OUTPUT_BYTES.labels(OutputFate.STORED).inc(sum(self._totals.values()) - self._dropped_bytes)

    def add(self, kind: EventKind, data: bytes) -> None:
        """Takes a chunk of output as the process wrote it."""
        self._totals[kind] += len(data)
        head = self._heads[kind]
        head += data[: max(0, self._limits.response_characters * BYTES_PER_CHARACTER + 1 - len(head))]
        taken = self._stored_bytes + sum(map(len, self._held.values()))
        stored = data[: max(0, self._limits.stored_bytes - taken)]
        self._dropped_bytes += len(data) - len(stored)
        if stored:
            self._buffer(kind, stored)

    def tell(self, text: str) -> None:
        """Adds a progress event, which is not part of the command's output."""
        data = text.encode()
        self._stored_bytes += EVENT_OVERHEAD_BYTES + len(data)
        self._writer.add(EventKind.PROGRESS, data)

    def text(self, kind: EventKind) -> tuple[str, bool]:
        """Returns the beginning of a stream for the response, and whether the rest was cut."""
        text = self._heads[kind].decode("utf-8", "replace")
        cut = text[: self._limits.response_characters]
        return cut, len(cut) < len(text) or len(self._heads[kind]) < self._totals[kind]

    def streaming(self) -> AbstractAsyncContextManager[None]:
        """Writes events to the store while the block runs. `remaining` returns the events that are left after it."""
        return self._writer.streaming()

    def remaining(self) -> list[SealedEvent]:
        """Returns the events that `streaming` has not stored. No output may be added after this call."""
        for kind, held in self._held.items():
            if held:
                self._pend(kind, held)
        self._held.clear()
        return self._writer.remaining()

    def _buffer(self, kind: EventKind, data: bytes) -> None:
        """Holds back an incomplete character or terminal sequence, so that each event can be read by itself."""
        data = self._held[kind] + data
        end = terminal.complete_length(data[: utf8.complete_length(data)])
        self._held[kind] = data[end:]
        if end:
            self._pend(kind, data[:end])

    def _pend(self, kind: EventKind, data: bytes) -> None:
        overhead = EVENT_OVERHEAD_BYTES if self._writer.add_output(kind, data) else 0
        self._stored_bytes += overhead + len(data)
