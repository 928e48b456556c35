"""One command's stay at the door, as the worker sees it."""

import asyncio
import itertools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from shared import logs, metrics
from shared.changes import Change, ChangeState
from shared.effects import Effects, Limit
from shared.models import JobId
from worker.door.client.address import DoorAddress
from worker.door.client.refusals import Refusals
from worker.door.messages import (
    Admitted,
    Answered,
    Ask,
    Complete,
    Dismissed,
    Intend,
    Intended,
    Refuse,
    Seen,
    ToDoor,
    ToWorker,
)
from worker.door.requests import permission

ADMIT_TIMEOUT_S = 10.0
"""Seconds without an answer after which the door counts as dead."""
NOTE_TIMEOUT_S = 12.0
"""Seconds after which a change is refused that the notary has neither noted nor refused."""
ASK_TIMEOUT_S = 8.0
DISMISS_TIMEOUT_S = 2.0
"""Seconds to wait for the outcomes of changes that were on their way when the command ended."""
MOST_NOTES = 256
"""Most changes that are being noted at the same time: as many as the command may have connections."""
MOST_PATH = 64 * 1024
"""Characters of the longest path that is asked for. Servers choose parts of it, and the link carries no packet of any
length."""
MOST_ANSWER_BYTES = 4 * 1024 * 1024
NOT_NOTED = "the change could not be noted in time: Redis does not answer"
TOO_MANY = "too many changes at the same time"
OTHER_RULE = "other"
"""Counted for a refusal by a rule that the visit does not have, which only a door that was taken over tells."""
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
        effects: Effects,
        notary: Notary | None,
        reports: Callable[[Seen], None] | None,
        kill: Callable[[], None],
    ) -> None:
        self.number = number
        self.job_id = job_id
        self.subject: Mapping[str, str] = {"job_id": job_id, **logs.subject()}
        """Fields for log lines about the visit, which other tasks write."""
        self.address = address
        """Where the command finds its API server."""
        self.on_gone: Callable[[], None] | None = None
        self.refusals = Refusals()
        self._send = send
        self._notary = notary
        self._reports = reports
        self._kill = kill
        self._rules = frozenset(permission.rules_of(effects))
        self._may_change = effects.limit is not Limit.READ
        self._loop = asyncio.get_running_loop()
        self._admitted: asyncio.Future[None] = self._loop.create_future()
        self._dismissed: asyncio.Future[None] = self._loop.create_future()
        self._asks: dict[int, asyncio.Future[Answer | None]] = {}
        self._ask_numbers = itertools.count(1)
        self._notes: set[asyncio.Task[None]] = set()
        self._intended: dict[int, Change] = {}
        """Number → change, of those whose outcome is not known."""
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
        """Gets a path on the API server with the command's credential.

        Returns None if there was no answer in time or if the path is too long. Raises DoorGoneError.
        """
        if len(path) > MOST_PATH:
            return None
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
        """Waits until all refusals, the outcomes of changes and the last requests are known, for a short time."""
        try:
            may_have_more = self._has_changes or self._may_change or self._reports is not None
            if may_have_more and not self._is_lost:
                await asyncio.wait({self._dismissed}, timeout=DISMISS_TIMEOUT_S)
        finally:
            for note in self._notes:
                note.cancel()
        if self._notes:
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
        """Takes a message of the door about this visit. The caller closes its descriptors."""
        match message:
            case Admitted():
                _end(self._admitted)
            case Dismissed():
                _end(self._dismissed)
            case Intend():
                self._intend(message.change)
            case Complete():
                self._complete(message.change)
            case Refuse():
                self._refuse(message)
            case Seen() if self._reports is not None:
                self._reports(message)
            case Answered():
                self._note_answer(message, descriptors)

    def _note_answer(self, answered: Answered, descriptors: list[int]) -> None:
        waiting = self._asks.get(answered.ask)
        if waiting is not None and not waiting.done():
            waiting.set_result(_answer(answered, descriptors))

    def _intend(self, change: Change) -> None:
        if len(self._notes) >= MOST_NOTES:
            self._send(Intended(visit=self.number, number=change.number, refusal=TOO_MANY))
            return
        self._has_changes = True
        self._intended.setdefault(change.number, change)
        note = self._loop.create_task(self._noted(change), name=f"note a change of {self.job_id}")
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)

    def _complete(self, outcome: Change) -> None:
        """Takes the outcome of a change that the door has asked to note, and nothing else that it says of the change.

        Only a kind and a name that were not known before may come from the answer.
        """
        change = self._intended.pop(outcome.number, None)
        if change is None or self._notary is None:
            return
        told = {"kind": change.kind or outcome.kind, "name": change.name or outcome.name}
        known = {"state": outcome.state, "status": outcome.status}
        self._notary.complete(change.model_copy(update=told | known))

    def _refuse(self, refuse: Refuse) -> None:
        self.refusals.add(refuse.text, is_change=refuse.change is not None, is_repeated=refuse.is_repeated)
        rule = refuse.rule if refuse.rule in self._rules else OTHER_RULE
        metrics.REFUSED_REQUESTS.labels(rule).inc()
        if refuse.change is not None and self._notary is not None:
            self._notary.complete(refuse.change.model_copy(update={"state": ChangeState.REFUSED, "status": None}))

    async def _noted(self, change: Change) -> None:
        refusal: str | None = NO_NOTARY
        if self._notary is not None:
            try:
                async with asyncio.timeout(NOTE_TIMEOUT_S):
                    refusal = await self._notary.intend(_on_its_way(change))
            except TimeoutError:
                refusal = NOT_NOTED
        self._send(Intended(visit=self.number, number=change.number, refusal=refusal))


def _on_its_way(change: Change) -> Change:
    return change.model_copy(update={"state": ChangeState.ON_ITS_WAY, "status": None})


def _end(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)


def _answer(answered: Answered, descriptors: list[int]) -> Answer | None:
    if answered.status is None or not descriptors:
        return None
    try:
        return Answer(answered.status, os.pread(descriptors[0], MOST_ANSWER_BYTES, 0))
    except OSError:  # the descriptor is not that of a file
        return None
