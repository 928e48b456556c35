"""Answers that are split as they arrive, wherever their pieces end."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.door.masking.splitting import ObjectSplitter, Piece
from worker.door.masking.tree import MaskingError

OBJECTS = st.recursive(
    st.one_of(st.text(max_size=6), st.integers(), st.none(), st.sampled_from(['"', "\\", "[{", "H4sIa", '"items":['])),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(st.text(max_size=4), below, max_size=3)),
    max_leaves=8,
).map(lambda value: {"metadata": value})
SIZES = st.integers(1, 40)


def split(splitter: ObjectSplitter, text: bytes, size: int) -> list[Piece]:
    pieces = [piece for at in range(0, len(text), size) for piece in splitter.feed(text[at : at + size])]
    return pieces + splitter.end()


def masked(pieces: list[Piece]) -> list[bytes]:
    return [piece.content for piece in pieces if piece.is_masked]


@given(st.lists(OBJECTS, max_size=4), SIZES, st.sampled_from(["items", "rows"]), st.sampled_from([None, 2]))
def test_elements_of_a_list_are_split_off(items: list[object], size: int, name: str, indent: int | None) -> None:
    text = json.dumps({"kind": "List", name: items, "metadata": {}}, indent=indent).encode()
    pieces = split(ObjectSplitter(opens_lists=True), text, size)

    assert b"".join(piece.content for piece in pieces) == text
    assert [json.loads(each) for each in masked(pieces)] == items


@given(st.lists(OBJECTS, max_size=4), SIZES)
def test_each_object_of_a_watch_is_split_off(events: list[object], size: int) -> None:
    text = "".join(json.dumps(event) + "\n" for event in events).encode()
    pieces = split(ObjectSplitter(opens_lists=False), text, size)

    assert b"".join(piece.content for piece in pieces) == text
    assert [json.loads(each) for each in masked(pieces)] == events


@pytest.mark.parametrize(
    "text", [b'{"a": 1', b"[{}]", b"}", b'{"items": [[1]]}', b"{} x", b'{"items": [{}, 1]}', b'"a"']
)
def test_what_is_not_json_of_objects_is_an_error(text: bytes) -> None:
    with pytest.raises(MaskingError):
        split(ObjectSplitter(opens_lists=True), text, 3)
