"""Records the output of a command: sealed in the job's event stream while it runs, and cut in its response.

Both are limited. Output beyond the limit is counted and dropped, and the command goes on.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from shared import metrics, terminal, utf8
from shared.events import EventKind, OutputEvent
from shared.metrics import OutputFate
from shared.redis.redis_connection import UNAVAILABLE
from shared.sealing.fernet_keys import DataKey, Purpose
from shared.store.attempts import Attempt, SealedEvent
from shared.store.job_store import JobStore
from worker.job_control import JobControl

FLUSH_INTERVAL_S = 0.05
"""Seconds of output that are stored as one entry; half of the delay that a reader may notice."""
FLUSH_BYTES = 64 * 1024
EVENT_OVERHEAD_BYTES = 300
"""Bytes that an event takes in Redis beside its data. They count, so that single bytes of output cannot fill Redis."""
RETRY_DELAY_S = 0.5
BYTES_PER_CHARACTER = 4

log = structlog.get_logger()


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
        self._store = store
        self._attempt = attempt
        self._control = control
        self._key = key
        self._limits = limits
        self._heads = {EventKind.STDOUT: bytearray(), EventKind.STDERR: bytearray()}
        self._totals = {EventKind.STDOUT: 0, EventKind.STDERR: 0}
        self._stored_bytes = 0
        self._dropped_bytes = 0
        self._held = {EventKind.STDOUT: b"", EventKind.STDERR: b""}
        self._sealed_bytes: dict[EventKind, int] = {}
        self._pending: list[tuple[EventKind, int, bytearray]] = []
        self._pending_bytes = 0
        self._unsent: list[SealedEvent] = []
        self._sequence = last_sequence
        self._newest_progress = 0
        self._is_streaming = False
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    @property
    def dropped_bytes(self) -> int:
        """Bytes of output that were not stored."""
        return self._dropped_bytes

    @property
    def newest_progress(self) -> int:
        """Sequence number of the newest sealed progress event, or 0 if there is none. Ask after `remaining`."""
        return self._newest_progress

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
        self._pend(EventKind.PROGRESS, text.encode())

    def text(self, kind: EventKind) -> tuple[str, bool]:
        """Returns the beginning of a stream for the response, and whether the rest was cut."""
        text = self._heads[kind].decode("utf-8", "replace")
        cut = text[: self._limits.response_characters]
        return cut, len(cut) < len(text) or len(self._heads[kind]) < self._totals[kind]

    @asynccontextmanager
    async def streaming(self) -> AsyncIterator[None]:
        """Writes events to the store while the block runs. `remaining` returns the events that are left after it.

        Output is written when it is `FLUSH_INTERVAL_S` old, so a command that ends sooner needs no task for it.
        """
        self._is_streaming = True
        self._write_later()
        try:
            yield
        finally:
            self._is_streaming = False
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._writing is not None:
                self._writing.cancel()
                await asyncio.wait({self._writing})

    def remaining(self) -> list[SealedEvent]:
        """Returns the events that `streaming` has not stored. No output may be added after this call."""
        for kind, held in self._held.items():
            if held:
                self._pend(kind, held)
        self._held.clear()
        self._seal_pending()
        return self._unsent

    def _buffer(self, kind: EventKind, data: bytes) -> None:
        """Holds back an incomplete character or terminal sequence, so that each event can be read by itself."""
        data = self._held[kind] + data
        end = terminal.complete_length(data[: utf8.complete_length(data)])
        self._held[kind] = data[end:]
        if end:
            self._pend(kind, data[:end])

    def _pend(self, kind: EventKind, data: bytes) -> None:
        last = self._pending[-1] if self._pending else None
        is_output = kind is not EventKind.PROGRESS
        if is_output and last and last[0] is kind and len(last[2]) < FLUSH_BYTES:
            last[2].extend(data)
        else:
            self._pending.append((kind, time.time_ns() // 1_000_000, bytearray(data)))
            self._stored_bytes += EVENT_OVERHEAD_BYTES
        self._stored_bytes += len(data)
        self._pending_bytes += len(data)
        if self._is_streaming:
            self._write_later()

    def _write_later(self) -> None:
        """Starts to write now if there is much, or in a moment if there is little, unless that is already under way."""
        is_full = self._pending_bytes >= FLUSH_BYTES
        if not self._pending or self._writing is not None or (self._timer is not None and not is_full):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(0 if is_full else FLUSH_INTERVAL_S, self._write)

    def _write(self) -> None:
        self._timer = None
        self._writing = asyncio.create_task(self._seal_and_send(), name=f"write {self._attempt.job_id}")
        self._writing.add_done_callback(self._written)

    def _written(self, task: "asyncio.Task[None]") -> None:
        self._writing = None
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            log.error("output not stored", error=type(error).__name__)
        elif self._is_streaming:
            self._write_later()

    async def _seal_and_send(self) -> None:
        self._seal_pending()
        await self._send()

    def _seal_pending(self) -> None:
        pending, self._pending = self._pending, []
        self._pending_bytes = 0
        for kind, at_ms, data in pending:
            self._sequence += 1
            event = OutputEvent.from_bytes(
                kind, at_ms, bytes(data), before=self._sealed_bytes, progress=self._newest_progress
            )
            if kind is EventKind.PROGRESS:
                self._newest_progress = self._sequence
            self._sealed_bytes[kind] = self._sealed_bytes.get(kind, 0) + len(data)
            self._unsent.append(self._sealed(event))

    def _sealed(self, event: OutputEvent) -> SealedEvent:
        payload = event.model_dump_json().encode()
        return SealedEvent(self._sequence, self._key.seal(payload, Purpose.EVENT, self._sequence))

    async def _send(self) -> None:
        while self._unsent and not self._control.is_lost:
            sending = list(self._unsent)
            try:
                held = await self._store.append(self._attempt, sending)
            except UNAVAILABLE as error:
                log.warning("output not stored yet", error=type(error).__name__, events=len(sending))
                await asyncio.sleep(RETRY_DELAY_S)
                continue
            del self._unsent[: len(sending)]
            if not held:
                self._control.lose()
