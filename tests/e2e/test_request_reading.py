"""The door reads requests as Go and the API server's own code do, which a program of ours in Go asks.

2,000 requests at random, and 100,000 in `make fuzz`. `-p "randomly_seed=N"` brings the requests of a run back.
"""

import random
from collections.abc import Sequence

import pytest
from hypothesis import settings

from tests.support import http_request_cases, request_reader
from tests.support.request_reader import Reading
from worker.door.requests import request_info
from worker.door.requests.request_info import UnreadableRequestError

REQUESTS = {"test": 2_000, "fuzz": 100_000}
"""By hypothesis' profile."""
LISTS = {"test": 1_000, "fuzz": 50_000}
LEAST_SHARE = 1 / 3
"""Of the requests that must be for resources."""
LEAST_SHARE_NAMED = 1 / 20
"""Of the lists that must select a name."""
SHOWN = 3


@pytest.fixture(scope="module")
def program() -> str:
    path = request_reader.path()
    if path is None:
        pytest.skip(f"there is no {request_reader.PROGRAM}: run `make e2e-tools`")
    return path


@pytest.fixture(scope="module")
def requests() -> list[bytes]:
    count = REQUESTS[settings.get_current_profile_name()]
    return list(http_request_cases.cases(count, random.Random(random.random())))


@pytest.fixture(scope="module")
def readings(program: str, requests: Sequence[bytes]) -> list[Reading]:
    return request_reader.read(program, requests)


def own_info(reading: Reading) -> Reading:
    """What the door makes of the method, path and query that Go has read."""
    try:
        info = request_info.resolve(reading.method, reading.path, reading.pairs)
    except UnreadableRequestError:
        return Reading(info_error="refused")
    return Reading(
        is_resource=info.is_resource,
        info=tuple((name, getattr(info, name)) for name, _ in reading.info),
        parts=info.parts,
    )


def differs(reading: Reading, own: Reading) -> bool:
    if own.info_error or reading.info_error:
        return bool(own.info_error) != bool(reading.info_error)
    if not reading.is_resource:
        return own.is_resource or dict(own.info)["verb"] != dict(reading.info)["verb"]
    return (own.is_resource, own.info, own.parts) != (reading.is_resource, reading.info, reading.parts)


def test_requests_are_taken_for_what_the_api_server_takes_them_for(
    requests: Sequence[bytes], readings: Sequence[Reading]
) -> None:
    read = [(request, reading) for request, reading in zip(requests, readings, strict=True) if not reading.error]
    assert len([reading for _, reading in read if reading.is_resource]) > len(requests) * LEAST_SHARE

    found = [(request, own, its) for request, its in read if differs(its, own := own_info(its))]

    assert found[:SHOWN] == [], f"{len(found)} of {len(read)} differ"


def test_lists_select_the_names_that_the_api_server_lets_them_select(program: str) -> None:
    count = LISTS[settings.get_current_profile_name()]
    lists = list(http_request_cases.lists(count, random.Random(random.random())))
    read = [(request, reading) for request, reading in zip(lists, request_reader.read(program, lists), strict=True)]
    assert len([reading for _, reading in read if dict(reading.info).get("name")]) > count * LEAST_SHARE_NAMED

    found = [(request, own, its) for request, its in read if differs(its, own := own_info(its))]

    assert found[:SHOWN] == [], f"{len(found)} of {len(read)} differ"
