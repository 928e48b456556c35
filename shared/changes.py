"""Changes: what a command changes in its cluster, as its worker's door sees it in the command's requests.

A change becomes an event of the job before its request is forwarded, and a second event when its outcome is known.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MOST_IN_RESPONSE = 50
"""Most changes that a response contains. The others can be read page by page."""
MOST_CHANGES = 10**9
"""More than any attempt makes."""
MOST_NAMED = 5
"""Most changes that one line of text names."""

ACKNOWLEDGED = "the API server has acknowledged: "
ON_THEIR_WAY = "on their way, and may have happened: "
"""Beginnings of the two lines that say what is known about the changes of a job that was cut short."""

_DONE_WORDS = {"create": "created", "update": "updated", "patch": "patched", "delete": "deleted"}
"""Verb → the word that a summary says of it. Other verbs, such as `exec`, stand for themselves."""


_CREATED = 201
_MAY_CREATE = frozenset({"patch", "update"})
"""Verbs to which an API server answers 201 if it has made the object: server-side apply, which is a patch, and PUT."""


class ChangeState(StrEnum):
    """What is known about a change."""

    ON_ITS_WAY = "on_its_way"
    """The request may have been forwarded, and no answer is known. The change may have happened."""
    DONE = "done"
    FAILED = "failed"
    """The API server has answered with an error."""
    REFUSED = "refused"
    """The request was not forwarded."""


class Change(BaseModel):
    """One request of a command that changes something."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    number: Annotated[int, Field(gt=0, le=MOST_CHANGES)]
    """Counts the changes of one attempt from 1. Two events with the same number tell of the same change."""
    verb: str
    """The verb as Kubernetes authorizes it (`create`, `patch`, `deletecollection`, …), or the subresource of a
    connection (`exec`, `portforward`)."""
    group: str
    resource: str
    """The plural, with its subresource if there is one: `deployments/scale`. For a request for something other than
    a resource, its path."""
    kind: str
    """The kind of `resource`; empty if discovery does not name it."""
    namespace: str
    name: str
    """Empty for a collection, and while the server has not told the name that it chose."""
    state: ChangeState = ChangeState.ON_ITS_WAY
    status: Annotated[int, Field(ge=0, le=999)] | None = None
    """The HTTP status of the answer."""

    @property
    def subject(self) -> str:
        """The changed object as a short text: `Deployment shop/web`."""
        kind = self.resource if "/" in self.resource else self.kind or self.resource
        if not self.name:
            return f"{kind} in {self.namespace}" if self.namespace else kind
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"

    @property
    def word(self) -> str:
        """The verb as a summary says it: `created`, `patched`, `exec`. An object that a patch has made is created."""
        verb = "create" if self.status == _CREATED and self.verb in _MAY_CREATE else self.verb
        return _DONE_WORDS.get(verb, verb)


class Changes(BaseModel):
    """What a command has changed in its cluster."""

    model_config = ConfigDict(frozen=True)

    count: Annotated[int, Field(description="Number of requests that change something, whatever became of them.")]
    summary: Annotated[str, Field(description="For example `3 created, 1 patched, 1 refused, 2 on their way`.")]
    items: Annotated[
        list[Change],
        Field(description=f"The first {MOST_IN_RESPONSE} changes in their order; `links.changes` has all of them."),
    ]


class ChangeTally:
    """Counts the changes of one attempt. It keeps the first ones and those without an outcome."""

    def __init__(self) -> None:
        self._numbers: set[int] = set()
        self._first: dict[int, Change] = {}
        self._open: dict[int, Change] = {}
        self._outcomes: Counter[tuple[ChangeState, str]] = Counter()

    @property
    def count(self) -> int:
        return len(self._numbers)

    def begin(self, change: Change) -> bool:
        """Takes a change that is on its way. Returns False if a change has its number already."""
        return change.number not in self._numbers and self.add(change)

    def add(self, change: Change) -> bool:
        """Takes a new change, or the outcome of a known one. Returns False if its outcome was known already."""
        is_new = change.number not in self._numbers
        if not is_new and change.number not in self._open:
            return False
        self._numbers.add(change.number)
        if (is_new and len(self._first) < MOST_IN_RESPONSE) or change.number in self._first:
            self._first[change.number] = change
        self._open.pop(change.number, None)
        if change.state is ChangeState.ON_ITS_WAY:
            self._open[change.number] = change
        else:
            self._outcomes[change.state, change.word] += 1
        return True

    def told(self) -> Changes | None:
        """Returns the changes for a response; None if there are none."""
        if not self._numbers:
            return None
        return Changes(count=self.count, summary=self._summary(), items=list(self._first.values()))

    def account(self) -> list[str]:
        """Returns a line about the acknowledged changes and one about those on their way, for a job cut short."""
        done = [change for change in self._first.values() if change.state is ChangeState.DONE]
        lines = (
            _line(ACKNOWLEDGED, done, self._number_of(ChangeState.DONE)),
            _line(ON_THEIR_WAY, list(self._open.values()), len(self._open)),
        )
        return [line for line in lines if line]

    def _summary(self) -> str:
        done = [f"{number} {word}" for (state, word), number in self._outcomes.items() if state is ChangeState.DONE]
        counts = {
            "failed": self._number_of(ChangeState.FAILED),
            "refused": self._number_of(ChangeState.REFUSED),
            "on its way" if len(self._open) == 1 else "on their way": len(self._open),
        }
        return ", ".join([*done, *(f"{number} {word}" for word, number in counts.items() if number)])

    def _number_of(self, state: ChangeState) -> int:
        return sum(number for (of, _), number in self._outcomes.items() if of is state)


def _line(beginning: str, changes: Sequence[Change], number: int) -> str:
    if not number:
        return ""
    named = [
        f"{change.word if change.state is ChangeState.DONE else change.verb} {change.subject}" for change in changes
    ]
    shown = named[:MOST_NAMED]
    more = [f"and {number - len(shown)} more"] if number > len(shown) else []
    return beginning + ", ".join([*shown, *more])
