"""Marks that are recognised in what a command writes."""

import base64

import pytest

from worker.door.masking import marks


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", '{"auths":{"r":{"username":"u","password":"'])
@pytest.mark.parametrize("after", ["", "\n", "\xff\xff"])
def test_mark_anywhere_in_base64_is_recognised(before: str, after: str) -> None:
    """`create secret generic --from-file` and `create secret docker-registry` write marks within longer values."""
    text = f"{before}{marks.mark('hunter2')}{after}"
    assert marks.are_in(text.encode())
    assert marks.are_in(base64.b64encode(text.encode("latin-1")))


@pytest.mark.parametrize("text", ["masked, ", "[mask]", "a [masked] value"])
def test_other_text_is_no_mark(text: str) -> None:
    for at in range(3):
        assert not marks.are_in(base64.b64encode(b" " * at + text.encode()))
