"""One command's stay at the door, as the worker sees it."""

import asyncio
import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shared.changes import Change
from shared.models import JobId
from worker.door.client.address import DoorAddress
from worker.door.messages import Admitted, Answered, Ask, Complete, Dismissed, Intend, Intended, Seen, ToDoor, ToWorker
from worker.launcher.channel import close_all

ADMIT_TIMEOUT_S = 10.0
"""Seconds without an answer after which the door counts as dead."""
NOTE_TIMEOUT_S = 12.0
"""Seconds after which a change is refused that the notary has neither noted nor refused."""
ASK_TIMEOUT_S = 8.0
DISMISS_TIMEOUT_S = 2.0
"""Seconds to wait for the outcomes of changes that were on their way when the command ended."""
MOST_ANSWER_BYTES = 4 * 1024 * 1024
NOT_NOTED = "the change could not be noted in time: Redis does not answer"
NO_NOTARY = "nobody notes the changes of this visit"


class DoorGoneError(Exception):
    """The door has died."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The API server's answer to `Visit.ask`."""

    status: int
    body: bytes


class Notary(Protocol):
    """Notes the changes of one job."""

    async def intend(self, change: Change) -> str | None:
        """Notes a change before it happens. Returns why it must not happen, or None."""

    def complete(self, change: Change) -> None:
        """Takes the outcome of a noted change."""


class Visit:
    """A visit, which `Door.visit` begins and ends."""

    def __init__(
        self,
        number: int,
        address: DoorAddress,
        send: Callable[[ToDoor], None],
        *,
        job_id: JobId,
        notary: Notary | None,
        reports: Callable[[Seen], None] | None,
        kill: Callable[[], None],
    ) -> None:
        self.number = number
        self.job_id = job_id
        self.address = address
        """Where the command finds its API server."""
        self.on_gone: Callable[[], None] | None = None
        self._send = send
        self._notary = notary
        self._reports = reports
        self._kill = kill
        self._loop = asyncio.get_running_loop()
        self._admitted: asyncio.Future[None] = self._loop.create_future()
        self._dismissed: asyncio.Future[None] = self._loop.create_future()
        self._asks: dict[int, asyncio.Future[Answer | None]] = {}
        self._ask_numbers = itertools.count(1)
        self._notes: set[asyncio.Task[None]] = set()
        self._has_changes = False
        self._is_lost = False

    async def admitted(self) -> None:
        """Waits until the door knows the command. A door that does not answer is killed. Raises DoorGoneError."""
        try:
            async with asyncio.timeout(ADMIT_TIMEOUT_S):
                await asyncio.shield(self._admitted)
        except TimeoutError as error:
            self._kill()
            raise DoorGoneError("the door did not answer") from error
        if self._is_lost:
            raise DoorGoneError("the door is gone")

    async def ask(self, path: str) -> Answer | None:
        """Gets a path on the API server with the command's credential. Returns None if there was no answer in time.

        Raises DoorGoneError.
        """
        if self._is_lost:
            raise DoorGoneError("the door is gone")
        number = next(self._ask_numbers)
        answer = self._asks[number] = self._loop.create_future()
        self._send(Ask(ask=number, visit=self.number, path=path))
        try:
            await asyncio.wait({answer}, timeout=ASK_TIMEOUT_S)
            return answer.result() if answer.done() else None
        finally:
            del self._asks[number]

    async def end(self) -> None:
        """Waits until the outcomes of all changes are known, for a short time."""
        if self._has_changes and not self._is_lost:
            await asyncio.wait({self._dismissed}, timeout=DISMISS_TIMEOUT_S)
        if self._notes:
            for note in self._notes:
                note.cancel()
            await asyncio.wait(self._notes)

    def lose(self, *, is_expected: bool = False) -> None:
        """Notes that the door has died."""
        self._is_lost = True
        _end(self._admitted)
        _end(self._dismissed)
        for answer in self._asks.values():
            if not answer.done():
                answer.set_exception(DoorGoneError("the door is gone"))
        if self.on_gone is not None and not is_expected:
            self.on_gone()

    def take(self, message: ToWorker, descriptors: list[int]) -> None:
        """Takes a message of the door about this visit, and owns its descriptors."""
        try:
            match message:
                case Admitted():
                    _end(self._admitted)
                case Dismissed():
                    _end(self._dismissed)
                case Intend():
                    self._intend(message.change)
                case Complete() if self._notary is not None:
                    self._notary.complete(message.change)
                case Seen() if self._reports is not None:
                    self._reports(message)
                case Answered():
                    self._note_answer(message, descriptors)
        finally:
            close_all(descriptors)

    def _note_answer(self, answered: Answered, descriptors: list[int]) -> None:
        waiting = self._asks.get(answered.ask)
        if waiting is not None and not waiting.done():
            waiting.set_result(_answer(answered, descriptors))

    def _intend(self, change: Change) -> None:
        self._has_changes = True
        note = self._loop.create_task(self._noted(change), name=f"note a change of {self.job_id}")
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)

    async def _noted(self, change: Change) -> None:
        refusal: str | None = NO_NOTARY
        if self._notary is not None:
            try:
                async with asyncio.timeout(NOTE_TIMEOUT_S):
                    refusal = await self._notary.intend(change)
            except TimeoutError:
                refusal = NOT_NOTED
        self._send(Intended(visit=self.number, number=change.number, refusal=refusal))


def _end(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)


def _answer(answered: Answered, descriptors: list[int]) -> Answer | None:
    if answered.status is None or not descriptors:
        return None
    return Answer(answered.status, os.pread(descriptors[0], MOST_ANSWER_BYTES, 0))
