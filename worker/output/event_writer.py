"""Writes the events of one attempt into its job's sealed event stream, in the order in which they came.

Sequence numbers order the stream: an event is skipped if a later one is stored already. So each write takes along all
events before its own that are not yet known to be stored.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from shared.events import EventKind, OutputEvent
from shared.redis.redis_connection import UNAVAILABLE
from shared.sealing.fernet_keys import DataKey, Purpose
from shared.store.attempts import Attempt, SealedEvent
from shared.store.job_store import JobStore
from worker.job_control import JobControl

FLUSH_INTERVAL_S = 0.05
"""Seconds of output that are stored as one entry; half of the delay that a reader may notice."""
FLUSH_BYTES = 64 * 1024
RETRY_DELAY_S = 0.5

log = structlog.get_logger()


@dataclass(slots=True)
class _Pending:
    """An event that is not sealed yet. `change` is the number of the change that it tells of, or 0."""

    kind: EventKind
    data: bytearray
    change: int = 0
    at_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)


class EventWriter:
    """The events of one attempt."""

    def __init__(
        self, store: JobStore, attempt: Attempt, control: JobControl, *, key: DataKey, last_sequence: int = 0
    ) -> None:
        self._store = store
        self._attempt = attempt
        self._control = control
        self._key = key
        self._sealed_bytes: dict[EventKind, int] = {}
        self._pending: list[_Pending] = []
        self._pending_bytes = 0
        self._unsent: list[SealedEvent] = []
        self._sequence = last_sequence
        self._newest_progress = 0
        self._is_streaming = False
        self._is_closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    @property
    def newest_progress(self) -> int:
        """Sequence number of the newest sealed progress event, or 0 if there is none. Ask after `remaining`."""
        return self._newest_progress

    @property
    def is_closed(self) -> bool:
        """Whether no event may be added any more."""
        return self._is_closed

    def add_output(self, kind: EventKind, data: bytes) -> bool:
        """Adds output. Returns whether it begins a new event; otherwise it joins the one before."""
        last = self._pending[-1] if self._pending else None
        joins = last is not None and last.kind is kind and len(last.data) < FLUSH_BYTES
        if last is not None and joins:
            last.data.extend(data)
        else:
            self._pending.append(_Pending(kind, bytearray(data)))
        self._added(data)
        return not joins

    def add(self, kind: EventKind, data: bytes, *, change: int = 0) -> None:
        """Adds an event of its own, which is written like output."""
        self._pending.append(_Pending(kind, bytearray(data), change))
        self._added(data)

    async def note(self, kind: EventKind, data: bytes, *, change: int, even_if_full: bool) -> bool:
        """Adds an event, and returns when it is stored and replicas that must know of it have acknowledged it.

        Retries until then. Returns False if the attempt no longer holds the job, or if it has ended.
        """
        self._pending.append(_Pending(kind, bytearray(data), change))
        self._seal_pending()
        # A retry must repeat this event even if another write has stored it meanwhile: nobody acknowledged that one.
        sending = list(self._unsent)
        while not (self._control.is_lost or self._is_closed):
            try:
                held = await self._store.note(self._attempt, sending, even_if_full=even_if_full)
            except UNAVAILABLE as error:
                log.warning("change not noted yet", error=type(error).__name__)
                await asyncio.sleep(RETRY_DELAY_S)
                continue
            self._sent(sending, held=held)
            return held
        return False

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
        """Returns the events that are not known to be stored. No event may be added after this call."""
        self._is_closed = True
        self._seal_pending()
        return self._unsent

    def _added(self, data: bytes) -> None:
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
        while self._unsent and not self._control.is_lost:
            sending = list(self._unsent)
            try:
                held = await self._store.append(self._attempt, sending)
            except UNAVAILABLE as error:
                log.warning("output not stored yet", error=type(error).__name__, events=len(sending))
                await asyncio.sleep(RETRY_DELAY_S)
                continue
            self._sent(sending, held=held)

    def _sent(self, sending: Sequence[SealedEvent], *, held: bool) -> None:
        newest = sending[-1].sequence
        self._unsent = [event for event in self._unsent if event.sequence > newest]
        if not held:
            self._control.lose()

    def _seal_pending(self) -> None:
        pending, self._pending = self._pending, []
        self._pending_bytes = 0
        for each in pending:
            self._sequence += 1
            event = OutputEvent.from_bytes(
                each.kind, each.at_ms, bytes(each.data), before=self._sealed_bytes, progress=self._newest_progress
            )
            if each.kind is EventKind.PROGRESS:
                self._newest_progress = self._sequence
            self._sealed_bytes[each.kind] = self._sealed_bytes.get(each.kind, 0) + len(each.data)
            sealed = self._key.seal(event.model_dump_json().encode(), Purpose.EVENT, self._sequence)
            self._unsent.append(SealedEvent(self._sequence, sealed, each.change))
