"""Secrets among objects that kubectl prints, in every list and stream that it prints them in."""

import base64
import copy
import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from tests.unit.worker.output.masking import cluster_objects as objects
from worker.door.masking import marks, secret_objects
from worker.door.masking.tree import Masked, MaskingError
from worker.output.masking.text import mask

ONE = '{"kind": "Secret", "data": {"a": "aHVudGVyMg=="}}'


GONE = ("data", "stringData", objects.LAST_APPLIED)


def masked(text: str, *, drops_end: bool = False) -> Masked:
    return mask(text, secret_objects.changes, accepts=secret_objects.is_object, drops_end=drops_end)


def encoded(size_bytes: int) -> str:
    return base64.b64encode(b"[masked, %d bytes]" % size_bytes).decode()


def without_values(value: Any) -> Any:
    """The same with every masked value, and every value of a Secret, gone: what must be left alone."""
    if isinstance(value, dict):
        return {key: without_values(child) for key, child in value.items() if key not in GONE}
    if isinstance(value, list):
        return [without_values(child) for child in value]
    return None if isinstance(value, str) and (marks.are_in(value.encode()) or objects.CANARY in value) else value


def assert_masked(text: str, stream: list[Any], read: list[Any]) -> None:
    assert objects.CANARY not in text
    assert objects.SEEN_IN_BASE64 not in text
    assert without_values(read) == without_values(copy.deepcopy(stream))


@given(objects.STREAMS)
def test_no_value_of_any_secret_is_left_in_json(stream: list[Any]) -> None:
    text = masked(objects.as_json(stream)).text
    decoder, read, at = json.JSONDecoder(), [], 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        read.append(value)
        at += 1

    assert_masked(text, stream, read)


@given(objects.STREAMS)
def test_no_value_of_any_secret_is_left_in_yaml(stream: list[Any]) -> None:
    for text in (objects.as_yaml(stream), f"---\n{objects.as_yaml(stream, flow=True)}"):
        seen = masked(text).text

        assert_masked(seen, stream, list(yaml.safe_load_all(seen)))


@settings(max_examples=40)
@given(objects.STREAMS)
def test_what_is_cut_off_anywhere_shows_no_value(stream: list[Any]) -> None:
    for text in (objects.as_json(stream), objects.as_yaml(stream)):
        for length in range(0, len(text), max(1, len(text) // 8)):
            try:
                seen = masked(text[:length]).text
            except MaskingError:
                seen = ""
            seen += masked(text[:length], drops_end=True).text
            assert objects.CANARY not in seen
            assert objects.SEEN_IN_BASE64 not in seen


def test_marks_say_how_many_bytes_there_are() -> None:
    text = masked("kind: Secret\ndata:\n  a: aHVudGVyMg==\nstringData:\n  b: größe\n  c: ''\n").text
    assert text == (
        'kind: Secret\ndata:\n  a: "W21hc2tlZCwgNyBieXRlc10="\nstringData:\n  b: "[masked, 7 bytes]"\n  c: \'\'\n'
    )


def test_all_but_the_values_stays_as_it_was_printed() -> None:
    text = "# made\nkind: Secret # here\ndata:\n    a: |-\n        eA==\n    b:   !!str 'eA=='\ntype: Opaque\n"
    assert masked(text).text == (
        f'# made\nkind: Secret # here\ndata:\n    a: "{encoded(1)}"\n    b:   "{encoded(1)}"\ntype: Opaque\n'
    )
    pod = '{"kind":"Pod", "number": 1.50}'
    assert masked(pod) == Masked(pod, 0)


def test_masking_what_is_masked_changes_nothing() -> None:
    once = masked(ONE)
    assert (once.count, masked(once.text)) == (1, Masked(once.text, 0))


def test_watch_that_is_cut_off_shows_what_came_whole() -> None:
    whole = masked(ONE).text
    assert masked(f"{ONE}\n{ONE[:-9]}", drops_end=True).text == whole
    first = "kind: Secret\nmetadata:\n  name: a\n"
    assert masked(f"{first}---\ndata:\n  a: eA==\n", drops_end=True).text == first


UNREADABLE = {
    "a word": "hunter2\n",
    "no object": "a: hunter2\n",
    "a list": "- hunter2\n",
    "a cut line": "data: {a: hunter2}\nkind: Secre",
    "no kind": '{"data": {"a": "hunter2"}}',
    "no end": '{"kind": "Secret", "data": {"a": "hunter2"',
    "a key twice": "kind: Secret\nkind: Pod\ndata: {a: hunter2}\n",
    "an anchor": "kind: Secret\ndata: {a: &x hunter2}\n",
    "an alias": "kind: Pod\nx: &x {kind: Secret}\ndata: *x\n",
    "an open quote": "kind: Secret\ndata: {a: 'hunter2}\n",
    "a list as a key": "? [a]\n: hunter2\n",
    "deep yaml": "kind: Pod\na: " + "[" * 300 + "]" * 300 + "\n",
    "deep json": '{"kind": "Pod", "a": ' + "[" * 100_000,
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_an_error_that_repeats_nothing(text: str) -> None:
    with pytest.raises(MaskingError) as caught:
        masked(text)
    chain = [caught.value, caught.value.__context__, caught.value.__cause__]
    assert not any("hunter2" in f"{error} {error!r}" for error in chain)
