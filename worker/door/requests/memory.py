"""Remembers what API servers answer about themselves: discovery and OpenAPI, which each CLI asks for anew.

An answer is remembered for one identity (a caller with a credential at a cluster), and for ten minutes after the server
gave or confirmed it. It is served without asking only to a command whose kinds it knows: anything else could have been
installed meanwhile. Other answers than 200 are never remembered.
"""

import re
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from worker.door.requests import discovery
from worker.door.requests.discovery import Discovery, Resource
from worker.door.requests.request_info import RequestInfo

LIFETIME_S = 600
MOST_BYTES = 64 * 1024 * 1024
"""Bytes of all remembered answers and of what is read from them; the longest unused ones are forgotten first."""
MOST_BYTES_OF_ANSWER = 16 * 1024 * 1024
"""An OpenAPI document of a large cluster has less than ten million bytes."""
_DISCOVERY = re.compile(r"/api(?:/[^/?]+)?/?|/apis(?:/[^/?]+){0,2}/?")
_OPENAPI = re.compile(r"/openapi/(?:v2|v3(?:/.*)?)")
_NAMED_BY_CONTENT = re.compile(r"/openapi/v3/[^?]*\?hash=[^&]+")
"""An OpenAPI document with its hash in its address: another content has another address."""
_MAKERS_OF_KINDS = frozenset(
    {("apiextensions.k8s.io", "customresourcedefinitions"), ("apiregistration.k8s.io", "apiservices")}
)


class Key(NamedTuple):
    """What an answer answers."""

    identity: str
    target: str
    """Path on the server and query."""
    accept: str
    accept_encoding: str = ""

    @property
    def path(self) -> str:
        """The path without the query."""
        return self.target.partition("?")[0]


@dataclass(frozen=True)
class Answer:
    """An answer with status 200. The names of headers are in lower case."""

    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)

    @cached_property
    def discovery(self) -> Discovery:
        """What the body says, if it is a discovery document."""
        return discovery.parse(self.body, self.header("content-encoding"))

    def header(self, name: str) -> str:
        """Returns the value of a header; empty if there is none."""
        return next((value for known, value in self.headers if known == name), "")

    @property
    def size_bytes(self) -> int:
        """Bytes of the headers and the body."""
        return len(self.body) + sum(len(name) + len(value) for name, value in self.headers)


@dataclass(frozen=True, slots=True)
class _Remembered:
    answer: Answer
    confirmed_at: float
    size_bytes: int
    """Bytes of the answer, and of what is read from it."""


def may_keep(method: str, path: str) -> bool:
    """Whether answers to such a request are remembered."""
    return method == "GET" and bool(_DISCOVERY.fullmatch(path) or _OPENAPI.fullmatch(path))


def changes_kinds(info: RequestInfo) -> bool:
    """Whether a change of this resource changes what discovery says."""
    return (info.group, info.resource) in _MAKERS_OF_KINDS


class Memory:
    """The remembered answers of all identities. Times are those of `clock`."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, most_bytes: int = MOST_BYTES) -> None:
        self.clock = clock
        self._most_bytes = most_bytes
        self._size_bytes = 0
        self._remembered: OrderedDict[Key, _Remembered] = OrderedDict()
        self._keys: defaultdict[str, set[Key]] = defaultdict(set)
        self._forgotten_at: dict[str, float] = {}

    def fresh(self, key: Key, names: tuple[str, ...] | None) -> Answer | None:
        """Returns the answer that may be served without asking the server.

        `names` are all names of kinds in the visit's command, as it spells them; None or none if they are not known.
        """
        remembered = self._living(key)
        if remembered is None:
            return None
        is_same = bool(_NAMED_BY_CONTENT.fullmatch(key.target))
        if is_same or (_DISCOVERY.fullmatch(key.path) and self._knows(key, names or ())):
            return remembered.answer
        return None

    def unconfirmed(self, key: Key) -> Answer | None:
        """Returns the answer that the server can confirm: the request's `If-None-Match` is its header `etag`."""
        remembered = self._living(key)
        return remembered.answer if remembered and remembered.answer.header("etag") else None

    def confirm(self, key: Key, answer: Answer, *, asked_at: float) -> None:
        """Notes that the server has confirmed an answer (304) when it was asked at `asked_at`."""
        remembered = self._remembered.get(key)
        if remembered and remembered.answer is answer:
            self._remembered[key] = replace(remembered, confirmed_at=max(asked_at, remembered.confirmed_at))

    def keep(self, key: Key, answer: Answer, *, asked_at: float) -> None:
        """Remembers a whole answer with status 200 to a request that was sent at `asked_at`."""
        self.discard(key)
        if self.is_outdated(key.identity, asked_at) or answer.size_bytes > min(MOST_BYTES_OF_ANSWER, self._most_bytes):
            return
        is_document = bool(_DISCOVERY.fullmatch(key.path))
        read_bytes = discovery.read_bytes(answer.body, answer.header("content-encoding")) if is_document else 0
        self._remembered[key] = _Remembered(answer, asked_at, answer.size_bytes + read_bytes)
        self._keys[key.identity].add(key)
        self._size_bytes += answer.size_bytes + read_bytes
        while self._size_bytes > self._most_bytes:
            self.discard(next(iter(self._remembered)))

    def discard(self, key: Key) -> None:
        """Forgets one answer: the server has answered with something else than a confirmation."""
        remembered = self._remembered.pop(key, None)
        if remembered is None:
            return
        self._size_bytes -= remembered.size_bytes
        self._keys[key.identity].discard(key)
        if not self._keys[key.identity]:
            del self._keys[key.identity]

    def forget(self, identity: str) -> None:
        """Forgets all answers to an identity, and each that it has asked for and not got yet."""
        now = self.clock()
        self._forgotten_at = {known: at for known, at in self._forgotten_at.items() if now - at < LIFETIME_S}
        self._forgotten_at[identity] = now
        for key in tuple(self._keys.get(identity, ())):
            self.discard(key)

    def has_answers(self, identity: str) -> bool:
        """Whether anything is remembered for an identity."""
        return bool(self._keys.get(identity))

    def is_outdated(self, identity: str, asked_at: float) -> bool:
        """Whether an answer that an identity asked for at `asked_at` may differ from what its server says now."""
        is_forgotten = asked_at <= self._forgotten_at.get(identity, -1)
        return is_forgotten or self.clock() - asked_at >= LIFETIME_S

    def resource(self, identity: str, info: RequestInfo) -> Resource | None:
        """Returns what discovery says about the resource of a request; None if no remembered answer names it."""
        wanted = (info.group, info.version, info.resource)
        for answer in self._documents(identity):
            found = answer.discovery.resources.get(wanted)
            if found:
                return found
        return None

    def _knows(self, key: Key, names: tuple[str, ...]) -> bool:
        """Whether the documents that a CLI with this `Accept` gets name all these kinds.

        Documents for another `Accept` may be younger than the one that would be served.
        """
        documents = [answer.discovery for answer in self._documents(key.identity, key.accept)]
        return bool(names) and all(any(document.knows(name) for document in documents) for name in names)

    def _documents(self, identity: str, accept: str | None = None) -> list[Answer]:
        """Returns the discovery documents of an identity, for one `Accept` or for all."""
        keys = [key for key in self._keys.get(identity, ()) if accept is None or key.accept == accept]
        living = [self._living(key) for key in keys if _DISCOVERY.fullmatch(key.path)]
        return [remembered.answer for remembered in living if remembered]

    def _living(self, key: Key) -> _Remembered | None:
        remembered = self._remembered.get(key)
        if remembered is None:
            return None
        if self.clock() - remembered.confirmed_at >= LIFETIME_S:
            self.discard(key)
            return None
        self._remembered.move_to_end(key)
        return remembered
