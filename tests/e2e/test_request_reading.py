"""The door reads requests as Go and the API server's own code do, which a program of ours in Go asks.

2,000 requests at random, and 100,000 in `make fuzz`. `-p "randomly_seed=N"` brings the requests of a run back.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import settings

from tests.support import http_request_cases, request_reader
from tests.support.request_reader import Reading
from worker.door.http import headers, request_head
from worker.door.http.errors import BadRequestError
from worker.door.http.request_body import BodyBudget, RequestBody
from worker.door.http.request_head import MOST_BODY_BYTES, Head
from worker.door.requests import request_info
from worker.door.requests.request_info import UnreadableRequestError

REQUESTS = {"test": 2_000, "fuzz": 100_000}
"""By hypothesis' profile."""
LISTS = {"test": 1_000, "fuzz": 50_000}
LEAST_SHARE = 1 / 3
"""Of the requests that must be for resources."""
LEAST_SHARE_NAMED = 1 / 20
"""Of the lists that must select a name."""
LEAST_SHARE_ACCEPTED = 1 / 4
"""Of the requests that the door must accept."""
LEAST_SHARE_FOUND_OUT = 1 / 50
"""Of the requests that a careless reader must be seen to read otherwise."""
SHOWN = 3
PASS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN0-_"
SERVER = "kubernetes.example:6443"


@dataclass(frozen=True, slots=True)
class Read:
    """What a reader makes of a request."""

    method: str
    path: str
    """Without the pass."""
    query: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def values(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The values of each name, as a `Reading` has them."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in self.query:
            found[name].append(value)
        return tuple(sorted((name, tuple(values)) for name, values in found.items()))


@pytest.fixture(scope="module")
def program() -> str:
    path = request_reader.path()
    if path is None:
        pytest.skip(f"there is no {request_reader.PROGRAM}: run `make e2e-tools`")
    return path


@pytest.fixture(scope="module")
def requests() -> list[bytes]:
    count = REQUESTS[settings.get_current_profile_name()]
    return list(http_request_cases.cases(count, random.Random(random.random()), prefix=f"/{PASS}"))


@pytest.fixture(scope="module")
def readings(program: str, requests: Sequence[bytes]) -> list[Reading]:
    return request_reader.read(program, requests)


def accepted(raw: bytes) -> tuple[Head, bytes] | None:
    """The head and the body that the door reads; None if it refuses the request, or waits for more of it."""
    head, end, rest = raw.partition(request_head.END)
    try:
        read = request_head.parse(head + end)
        body = RequestBody(read, BodyBudget(MOST_BODY_BYTES))
        return (read, body.content) if end and body.feed(rest) else None
    except BadRequestError:
        return None


def read_by_door(raw: bytes) -> Read | None:
    found = accepted(raw)
    if found is None or found[0].target.pass_ != PASS:
        return None
    head, body = found
    return Read(head.method, head.target.path, head.target.query, body)


def read_carelessly(raw: bytes) -> Read | None:
    """What a reader makes of it that splits and decodes as one does."""
    head, _, body = raw.partition(b"\r\n\r\n")
    words = head.decode(errors="replace").split()
    if len(words) < 2:
        return None
    path, _, query = words[1].removeprefix(f"/{PASS}").partition("?")
    return Read(words[0], unquote(path) or "/", tuple(parse_qsl(query, keep_blank_values=True)), body)


def misread(
    requests: Sequence[bytes], readings: Sequence[Reading], read: Callable[[bytes], Read | None]
) -> list[tuple[bytes, Read, Reading]]:
    """Each request that a reader accepts, and that Go refuses or reads otherwise."""
    both = [(request, read(request), reading) for request, reading in zip(requests, readings, strict=True)]
    return [(request, own, its) for request, own, its in both if own and not is_same(own, its)]


def is_same(own: Read, reading: Reading, *, prefix: str = f"/{PASS}") -> bool:
    path = reading.path.removeprefix(prefix) or "/"
    # Empty lines after a request do not count as a request: the door's parser of chunks ignores them.
    its = (reading.error, reading.rest.strip(b"\r\n"), reading.method, path, reading.query, reading.body)
    return its == ("", b"", own.method, own.path, own.values, own.body)


def own_info(reading: Reading) -> Reading:
    """What the door makes of the method, path and query that Go has read."""
    return resolved(reading.method, reading.path, reading.pairs, fields=[name for name, _ in reading.info])


def resolved(method: str, path: str, query: request_info.Query, *, fields: Sequence[str]) -> Reading:
    try:
        info = request_info.resolve(method, path, query)
    except UnreadableRequestError:
        return Reading(info_error="refused")
    return Reading(
        is_resource=info.is_resource, info=tuple((name, getattr(info, name)) for name in fields), parts=info.parts
    )


def differs(reading: Reading, own: Reading) -> bool:
    if own.info_error or reading.info_error:
        return bool(own.info_error) != bool(reading.info_error)
    if not reading.is_resource:
        return own.is_resource or dict(own.info)["verb"] != dict(reading.info)["verb"]
    return (own.is_resource, own.info, own.parts) != (reading.is_resource, reading.info, reading.parts)


def test_door_reads_what_it_accepts_as_go_does(requests: Sequence[bytes], readings: Sequence[Reading]) -> None:
    count = len([request for request in requests if read_by_door(request)])
    assert count > len(requests) * LEAST_SHARE_ACCEPTED

    found = misread(requests, readings, read_by_door)

    assert found[:SHOWN] == [], f"{len(found)} of {count} differ"


def test_careless_reader_is_found_out(requests: Sequence[bytes], readings: Sequence[Reading]) -> None:
    assert len(misread(requests, readings, read_carelessly)) > len(requests) * LEAST_SHARE_FOUND_OUT


def test_api_server_reads_in_what_the_door_sends_on_what_the_door_has_judged(
    program: str, requests: Sequence[bytes]
) -> None:
    heads = [found for found in map(accepted, requests) if found]
    sent = [headers.request(head, head.target.written, added=(("Host", SERVER),), body=body) for head, body in heads]

    readings = request_reader.read(program, sent)

    own = [Read(head.method, head.target.path, head.target.query, body) for head, body in heads]
    found = [
        (request, mine, its)
        for request, mine, its in zip(sent, own, readings, strict=True)
        if not is_same(mine, its, prefix="") or its.host != SERVER or differs(its, judged(mine, its))
    ]
    assert found[:SHOWN] == [], f"{len(found)} of {len(sent)} differ"


def judged(read: Read, reading: Reading) -> Reading:
    """What the door takes a request for."""
    return resolved(read.method, read.path, read.query, fields=[name for name, _ in reading.info])


def test_requests_are_taken_for_what_the_api_server_takes_them_for(program: str) -> None:
    count = REQUESTS[settings.get_current_profile_name()]
    requests = list(http_request_cases.cases(count, random.Random(random.random())))
    readings = request_reader.read(program, requests)
    read = [(request, reading) for request, reading in zip(requests, readings, strict=True) if not reading.error]
    assert len([reading for _, reading in read if reading.is_resource]) > count * LEAST_SHARE

    found = [(request, own, its) for request, its in read if differs(its, own := own_info(its))]

    assert found[:SHOWN] == [], f"{len(found)} of {len(read)} differ"


def test_lists_select_the_names_that_the_api_server_lets_them_select(program: str) -> None:
    count = LISTS[settings.get_current_profile_name()]
    lists = list(http_request_cases.lists(count, random.Random(random.random())))
    read = [(request, reading) for request, reading in zip(lists, request_reader.read(program, lists), strict=True)]
    assert len([reading for _, reading in read if dict(reading.info).get("name")]) > count * LEAST_SHARE_NAMED

    found = [(request, own, its) for request, its in read if differs(its, own := own_info(its))]

    assert found[:SHOWN] == [], f"{len(found)} of {len(read)} differ"
