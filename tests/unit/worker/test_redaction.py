from hypothesis import given
from hypothesis import strategies as st

from shared.events import EventKind
from worker import redaction
from worker.redaction import redacted

SECRET = "abcab"


def output_of(*chunks: bytes) -> list[bytes]:
    taken: list[bytes] = []
    with redacted(lambda _, data: taken.append(data), SECRET) as sink:
        for chunk in chunks:
            sink(EventKind.STDOUT, chunk)
    return taken


@given(st.lists(st.one_of(st.just(SECRET), st.text("abcx", max_size=6))), st.integers(1, 7))
def test_secret_is_masked_wherever_the_chunks_are_cut(words: list[str], size: int) -> None:
    text = "".join(words).encode()
    chunks = [text[place : place + size] for place in range(0, len(text), size)]

    assert b"".join(output_of(*chunks)) == text.replace(SECRET.encode(), redaction.MASK)


def test_output_is_passed_on_at_once_but_for_an_end_that_may_begin_the_secret() -> None:
    assert output_of(b"a line\n", b"xab", b"x") == [b"a line\n", b"x", b"abx"]


def test_streams_are_looked_at_each_for_itself() -> None:
    taken: list[tuple[EventKind, bytes]] = []
    with redacted(lambda kind, data: taken.append((kind, data)), SECRET) as sink:
        sink(EventKind.STDOUT, b"abc")
        sink(EventKind.STDERR, b"ab")
    assert taken == [(EventKind.STDOUT, b"abc"), (EventKind.STDERR, b"ab")]
