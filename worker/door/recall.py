"""Answers a request for discovery or OpenAPI from the door's memory, or remembers what the server answers."""

from dataclasses import dataclass

from worker.door.http import headers
from worker.door.http.child_connection import Request
from worker.door.http.delivery import Copy
from worker.door.http.server_connection import AnswerHead
from worker.door.requests import memory
from worker.door.requests.memory import MOST_BYTES_OF_ANSWER, Answer, Key, Memory
from worker.door.visits.visit import Visit

NOT_MODIFIED = 304
MOST_KEY_CHARACTERS = 4_096
"""Longest request of which the answer is remembered, for the memory counts answers only."""
_OK = 200
SHAPING = ("accept", "accept-encoding")
"""Headers that decide how an answer is written, in the order of `Key`."""
_VALIDATORS = frozenset({"if-none-match", "if-modified-since"})


@dataclass
class Recall:
    """What the memory has to do with one request."""

    memory: Memory
    key: Key
    asked_at: float
    fresh: Answer | None
    """The answer that is served without asking the server."""
    unconfirmed: Answer | None
    """The answer that the server is asked to confirm."""

    @property
    def added(self) -> dict[str, str]:
        """The header with which the server is asked for a confirmation."""
        return {"If-None-Match": self.unconfirmed.header("etag")} if self.unconfirmed else {}

    def confirmed(self, head: AnswerHead) -> Answer | None:
        """Returns the remembered answer if the server has confirmed it."""
        if self.unconfirmed is None or head.status != NOT_MODIFIED:
            return None
        self.memory.confirm(self.key, self.unconfirmed, asked_at=self.asked_at)
        return self.unconfirmed

    def copy_for(self, head: AnswerHead) -> Copy | None:
        """Returns what collects the answer's body, if it may be remembered and its end will be certain."""
        self.memory.discard(self.key)
        is_certain = head.status == _OK and not head.ends_with_connection
        return Copy(MOST_BYTES_OF_ANSWER) if is_certain else None

    def keep(self, head: AnswerHead, body: bytes | None) -> None:
        """Remembers an answer that has arrived as a whole."""
        if body is not None:
            self.memory.keep(self.key, Answer(headers.allowed(head.headers), body), asked_at=self.asked_at)


def of(known: Memory, visit: Visit, request: Request) -> Recall | None:
    """Returns what the memory knows about a request; None if it has nothing to do with it."""
    head = request.head
    has_validator = any(head.header(name) for name in _VALIDATORS)
    if has_validator or head.upgrade or not memory.may_keep(head.method, head.target.path):
        return None
    if len(head.target.written) + sum(len(value) for _, value in head.headers) > MOST_KEY_CHARACTERS:
        return None
    key = Key(visit.route.identity, head.target.written, *(", ".join(head.all(name)) for name in SHAPING))
    fresh = known.fresh(key, visit.kinds)
    return Recall(known, key, known.clock(), fresh, None if fresh else known.unconfirmed(key))
