"""The Prefer header as RFC 7240 has it, sections 2 and 4."""

import pytest

from gateway.http import prefer
from gateway.http.prefer import Preference

MAX_WAIT_S = 60


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("", Preference(False, None), id="no header"),
        pytest.param("respond-async", Preference(True, 0), id="respond-async answers at once"),
        pytest.param("wait=5", Preference(False, 5), id="wait"),
        pytest.param("respond-async, wait=5", Preference(True, 5), id="both: asynchronous after a wait"),
        pytest.param("wait=5, respond-async", Preference(True, 5), id="order has no meaning"),
        pytest.param("wait=0", Preference(False, 0), id="wait for nothing"),
        pytest.param("Respond-Async, WAIT=5", Preference(True, 5), id="names have no case"),
        pytest.param('wait="5"', Preference(False, 5), id="a quoted value is the same value"),
        pytest.param(" wait = 5 ", Preference(False, 5), id="blanks around the sign"),
        pytest.param("wait=5; foo=1", Preference(False, 5), id="parameters are passed over"),
        pytest.param("wait=10, wait=20", Preference(False, 10), id="the first of two holds"),
        pytest.param("wait=soon, wait=20", Preference(False, None), id="the first of two holds although malformed"),
        pytest.param('respond-async=""', Preference(True, 0), id="an empty value is none"),
        pytest.param("respond-async=no", Preference(False, None), id="a value that it does not have"),
        pytest.param("return=minimal, handling=lenient", Preference(False, None), id="preferences that are not ours"),
        pytest.param('foo="a, respond-async, wait=1"', Preference(False, None), id="commas in quotes"),
        pytest.param('foo; bar="a, respond-async"', Preference(False, None), id="commas in a quoted parameter"),
        pytest.param(r'foo="a\", respond-async', Preference(False, None), id="an escaped quote closes nothing"),
        pytest.param(",, respond-async ,", Preference(True, 0), id="empty elements"),
        pytest.param("wait", Preference(False, None), id="wait without a value"),
        pytest.param("wait=-1", Preference(False, None), id="negative"),
        pytest.param("wait=nan", Preference(False, None), id="not a number"),
        pytest.param("wait=inf", Preference(False, None), id="infinite"),
        pytest.param("wait=1e9", Preference(False, MAX_WAIT_S), id="longer than is waited"),
        pytest.param("=5", Preference(False, None), id="no name"),
    ],
)
def test_header_is_read_as_the_rfc_has_it(header: str, expected: Preference) -> None:
    assert prefer.parse(header, max_wait_s=MAX_WAIT_S) == expected


@pytest.mark.parametrize(
    ("header", "applied"),
    [
        ("", None),
        ("return=minimal", None),
        ("respond-async", "respond-async"),
        ("wait=7", "wait=7"),
        ("respond-async, wait=500", "respond-async, wait=60"),
    ],
)
def test_what_was_honoured_is_told(header: str, applied: str | None) -> None:
    assert prefer.parse(header, max_wait_s=MAX_WAIT_S).applied == applied


@pytest.mark.parametrize("part", ['a="', '"\\', "a ", "wait", ",", '""', "a=b;"])
def test_longest_header_is_read_in_linear_time(part: str) -> None:
    """A reader that tries again from each quote would need minutes here, and the suite's time limit is one."""
    prefer.parse(part * (128 * 1024 // len(part)), max_wait_s=MAX_WAIT_S)
