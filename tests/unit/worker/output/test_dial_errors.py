"""Errors about the worker's proxy read as if the tool had dialled itself, however the output is cut into chunks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.egress.socks import Reply
from worker.output import dial_errors
from worker.output.dial_errors import MOST_BYTES, DialErrors
from worker.output.own_addresses import WithoutOwnAddresses

PLACE = "127.0.0.1:37361"
START = f"socks connect tcp {PLACE}->"
LONGEST_NAME = "n" * 255


def reworded(text: str) -> str:
    errors = DialErrors(PLACE)
    return (errors.add(text.encode()) + errors.end()).decode()


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (f"{START}charts.example:443: unknown error host unreachable", "dial tcp charts.example:443: no such host"),
        (
            f"{START}10.0.0.1:80: unknown error connection refused",
            "dial tcp 10.0.0.1:80: connect: connection refused",
        ),
        (f"{START}[2001:db8::1]:99: unknown error TTL expired", "dial tcp [2001:db8::1]:99: i/o timeout"),
        (
            f"{START}169.254.169.254:80: unknown error connection not allowed by ruleset",
            "dial tcp 169.254.169.254:80: not allowed by ruleset of this worker",
        ),
        (
            f"{START.replace('>', chr(92) + 'u003e')}argo.example:443: unknown error network unreachable",
            "dial tcp argo.example:443: connect: network is unreachable",
        ),
        (f"{START}a.example:443: context deadline exceeded", "dial tcp a.example:443: context deadline exceeded"),
        (f"{START}{LONGEST_NAME}:65535: unknown error TTL expired", f"dial tcp {LONGEST_NAME}:65535: i/o timeout"),
    ],
)
def test_failed_dial_reads_as_if_the_tool_had_dialled_itself(printed: str, shown: str) -> None:
    assert reworded(f'Error: Get "https://x/": {printed}\nnext\n') == f'Error: Get "https://x/": {shown}\nnext\n'


@pytest.mark.parametrize(
    "text",
    [
        "socks connect tcp 127.0.0.1:9050->a.example:443: unknown error host unreachable",
        "a pod says: unknown error host unreachable",
        f"{START} ends here",
    ],
)
def test_what_is_not_about_this_proxy_stays_as_it_is(text: str) -> None:
    assert reworded(text) == text


def test_each_reply_of_the_proxy_has_one_meaning() -> None:
    worded = [reply for reply, _ in dial_errors.REASONS.values()]
    protocol = {Reply.SUCCEEDED, Reply.COMMAND_NOT_SUPPORTED, Reply.ADDRESS_TYPE_NOT_SUPPORTED}
    assert sorted(worded) == sorted(set(Reply) - protocol)


WORDS = [START, "socks connect ", "tcp 127.", "a.example:443", ": unknown error ", "host unreachable", "\n", " ", "x"]


@given(st.lists(st.sampled_from([*WORDS, "y" * MOST_BYTES]), max_size=12), st.data())
def test_chunks_change_nothing(words: list[str], data: st.DataObject) -> None:
    text = "".join(words).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    errors = DialErrors(PLACE)
    chunks = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    passed = b"".join(errors.add(chunk) for chunk in chunks) + errors.end()
    assert passed.decode() == reworded(text.decode())


def test_line_without_an_error_is_not_held_back() -> None:
    assert DialErrors(PLACE).add(b"Progress: 3 of 5") == b"Progress: 3 of 5"


def test_never_ending_line_is_not_held_back_for_ever() -> None:
    errors = DialErrors(PLACE)
    line = START.encode() + b"x" * MOST_BYTES
    assert errors.add(line) == line


def test_proxy_of_an_unknown_error_is_replaced_as_other_texts_are() -> None:
    output = WithoutOwnAddresses({PLACE.encode(): b"[proxy]", b"door": b"server"}, PLACE)
    ready = output.add(f"door: {START}a:1: EOF\nread tcp 127.0.0.1:5->{PLACE}: reset, ".encode())
    assert ready + output.end() == b"server: dial tcp a:1: EOF\nread tcp 127.0.0.1:5->[proxy]: reset, "
