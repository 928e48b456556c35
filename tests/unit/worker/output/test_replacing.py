"""Texts in output are replaced, however the output is cut into chunks."""

from hypothesis import given
from hypothesis import strategies as st

from worker.output.replacing import Replaced, replaced

DOOR = {
    b"http://127.0.0.1:4/PASS": b"https://api:6443/k8s",
    b"127.0.0.1:4": b"api:6443",
    b"PASS": b"[redacted]",
}


def test_longest_text_wins_where_it_begins_first() -> None:
    text = b'Get "http://127.0.0.1:4/PASS/api": dial tcp 127.0.0.1:4: refused (PASS)'
    assert replaced(text, DOOR) == b'Get "https://api:6443/k8s/api": dial tcp api:6443: refused ([redacted])'


@given(st.lists(st.sampled_from([*DOOR, b"x", b"http://127", b".0.0.1:4", b"/PASS", b"PA"]), max_size=12), st.data())
def test_chunks_change_nothing(words: list[bytes], data: st.DataObject) -> None:
    text = b"".join(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    stream = Replaced(DOOR)
    chunks = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    passed = b"".join(stream.add(chunk) for chunk in chunks) + stream.end()
    assert passed == replaced(text, DOOR)
    assert not any(word in passed for word in DOOR)


def test_nothing_is_held_back_without_texts_to_replace() -> None:
    assert Replaced({}).add(b"as it is") == b"as it is"
