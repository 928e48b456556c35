import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.output.needle import Needle

LETTERS = st.text("ab", max_size=40)


def occurrences(text: bytes, data: bytes) -> list[int]:
    return [start for start in range(len(data) - len(text) + 1) if data.startswith(text, start)]


@given(st.text("ab", min_size=1, max_size=12), LETTERS, st.integers(0, 4))
def test_all_that_occurrences_cover_is_found(word: str, around: str, times: int) -> None:
    text, data = word.encode(), (around[:9] + word * times + around[9:]).encode()
    covered = {place for start in occurrences(text, data) for place in range(start, start + len(text))}
    spans = list(Needle(text).spans(data))
    assert {place for start, end in spans for place in range(start, end)} == covered
    assert spans == sorted(spans)


@given(st.text("ab", min_size=1, max_size=20), LETTERS)
def test_beginning_is_the_longest_at_the_end(word: str, around: str) -> None:
    text, data = word.encode(), around.encode()
    starts = range(max(0, len(data) - len(text) + 1), len(data))
    assert Needle(text).beginning(data) == next((at for at in starts if text.startswith(data[at:])), len(data))


@pytest.mark.parametrize("end", [b"", b"b"])
@pytest.mark.timeout(60)
def test_text_that_repeats_itself_is_found_soon(end: bytes) -> None:
    """Where each place were compared with all of the text, this would take hours."""
    needle, data = Needle(b"a" * 30_000 + end), b"a" * 1_000_000
    for _ in range(50):
        assert list(needle.spans(data)) == ([(0, len(data))] if not end else [])
        assert needle.beginning(data) == len(data) - 30_000 + (not end)
