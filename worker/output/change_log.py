"""Notes the changes of one attempt in its job's event stream, for the door.

A change is noted before its request is forwarded, and it counts against no limit of the job's output. If Redis is full
(`maxmemory`), the first changes of a command are noted all the same, because a release that is half made is worse than
a few kilobytes more; later ones are refused then, because nothing else limits their number.
"""

import asyncio

import structlog

from shared.changes import Change, Changes, ChangeState, ChangeTally
from shared.events import EventKind
from worker.output.event_writer import EventWriter

HOLD_S = 10.0
"""Seconds for which a change waits until it can be noted."""
NOTED_WHEN_FULL = 1_000
"""Number of the first changes of an attempt that are noted even if Redis is full: some two megabytes."""
LONGEST_TEXT = 512
"""Characters of a name that are kept. Kubernetes' names have at most 253; the path of no resource may be longer."""
NOT_NOTED = "Redis cannot be written, so this change cannot be noted and is not made: try again later"
LOST = "this worker no longer holds the job, so nothing more is changed"

log = structlog.get_logger()


class ChangeLog:
    """The changes of one attempt."""

    def __init__(self, writer: EventWriter) -> None:
        self._writer = writer
        self._tally = ChangeTally()

    async def intend(self, change: Change) -> str | None:
        """Notes a change. Returns None when it may be forwarded, or why it must not be.

        Waits for Redis for at most `HOLD_S`. A change that could not be noted, and one whose note was cancelled, is
        completed as refused.
        """
        change = _bounded(change)
        if self._writer.is_closed or not self._tally.begin(change):
            return LOST
        refusal: str | None = LOST
        try:
            refusal = await self._noted(change)
        finally:
            if refusal is not None:
                self.complete(change.model_copy(update={"state": ChangeState.REFUSED}))
        return refusal

    def complete(self, change: Change) -> None:
        """Notes the outcome of a change. It is written with the next events."""
        change = _bounded(change)
        if not self._writer.is_closed and self._tally.add(change):
            self._writer.add(EventKind.CHANGE, _content(change), change=change.number)

    def told(self) -> Changes | None:
        """Returns the changes for the response; None if there are none."""
        return self._tally.told()

    def account(self) -> list[str]:
        """Returns lines that say what is known about the changes, for a command that was cut short."""
        return self._tally.account()

    async def _noted(self, change: Change) -> str | None:
        try:
            async with asyncio.timeout(HOLD_S):
                is_held = await self._writer.note(
                    EventKind.CHANGE,
                    _content(change),
                    change=change.number,
                    even_if_full=self._tally.count <= NOTED_WHEN_FULL,
                )
        except TimeoutError:
            log.warning("change refused", number=change.number)
            return NOT_NOTED
        return None if is_held else LOST


def _content(change: Change) -> bytes:
    return change.model_dump_json().encode()


def _bounded(change: Change) -> Change:
    """Returns the change with printable names of limited length, for the command has written them into its requests."""
    names = ("verb", "group", "resource", "kind", "namespace", "name")
    return change.model_copy(update={name: _printable(getattr(change, name)) for name in names})


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text[:LONGEST_TEXT])
