"""When a refused request counts as repeated."""

from worker.door.http.child_connection import Request
from worker.door.http.request_head import Head
from worker.door.http.request_target import Target
from worker.door.visits.refused import READ_REPEATED_AFTER_S, RefusedRequests

REQUEST = Request(Head(method="GET", target=Target("", "/api/v1/services", ()), host="", headers=()), b"")


def test_change_is_repeated_the_third_time() -> None:
    refused = RefusedRequests(lambda: 0)
    assert [refused.is_repeated(REQUEST, is_change=True) for _ in range(4)] == [False, False, True, True]


def test_read_is_repeated_only_after_some_time() -> None:
    now = [0.0]
    refused = RefusedRequests(lambda: now[0])
    assert not any(refused.is_repeated(REQUEST, is_change=False) for _ in range(30))
    now[0] = READ_REPEATED_AFTER_S
    assert refused.is_repeated(REQUEST, is_change=False)
