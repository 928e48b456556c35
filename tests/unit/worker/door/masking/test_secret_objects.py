"""Secrets among objects, in every list and stream."""

import base64
import copy
import json
from typing import Any

import pytest
import yaml
from hypothesis import given

from tests.unit.worker.door.masking import cluster_objects as objects
from worker.door.masking import marks, secret_objects, yaml_text
from worker.door.masking.budget import Budget
from worker.door.masking.tree import MaskingError

GONE = ("data", "stringData", objects.LAST_APPLIED)


def masked(text: str) -> str:
    return yaml_text.mask(text, secret_objects.changes, Budget())


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
def test_no_value_of_any_secret_is_left_in_objects(stream: list[Any]) -> None:
    read = copy.deepcopy(stream)
    for change in tuple(secret_objects.changes(read)):
        change.make()

    assert_masked(json.dumps(read), stream, read)


@given(objects.STREAMS)
def test_no_value_of_any_secret_is_left_in_yaml(stream: list[Any]) -> None:
    for text in (objects.as_yaml(stream), f"---\n{objects.as_yaml(stream, flow=True)}"):
        seen = masked(text)

        assert_masked(seen, stream, list(yaml.safe_load_all(seen)))


def test_marks_say_how_many_bytes_there_are() -> None:
    text = masked("kind: Secret\ndata:\n  a: aHVudGVyMg==\nstringData:\n  b: größe\n  c: ''\n")
    assert text == (
        'kind: Secret\ndata:\n  a: "W21hc2tlZCwgNyBieXRlc10="\nstringData:\n  b: "[masked, 7 bytes]"\n  c: \'\'\n'
    )


def test_all_but_the_values_stays_as_it_was_printed() -> None:
    text = "# made\nkind: Secret # here\ndata:\n    a: |-\n        eA==\n    b:   !!str 'eA=='\ntype: Opaque\n"
    assert masked(text) == (
        f'# made\nkind: Secret # here\ndata:\n    a: "{encoded(1)}"\n    b:   "{encoded(1)}"\ntype: Opaque\n'
    )
    pod = "{kind: Pod, number: 1.50}\n"
    assert masked(pod) == pod


def test_masking_what_is_masked_changes_nothing() -> None:
    once = masked("kind: Secret\ndata: {a: aHVudGVyMg==}\n")
    assert masked(once) == once


def test_annotation_that_repeats_a_secret_stays_readable() -> None:
    applied = json.dumps({"kind": "Secret", "data": {"a": "aHVudGVyMg=="}}) + "\n"
    for text in (applied, json.dumps(applied), applied[:-5]):
        annotations: dict[str, Any] = {objects.LAST_APPLIED: text, "note": "hunter2"}
        for change in tuple(secret_objects.changes({"metadata": {"annotations": annotations}}, is_secret=True)):
            change.make()
        assert "aHVudGVyMg" not in annotations[objects.LAST_APPLIED]
        assert annotations["note"] == "hunter2"
        if text == applied:
            assert json.loads(annotations[objects.LAST_APPLIED]) == {"kind": "Secret", "data": {"a": encoded(7)}}


UNREADABLE = {
    "a cut line": "data: {a: hunter2}\nkind: Secre",
    "a key twice": "kind: Secret\nkind: Pod\ndata: {a: hunter2}\n",
    "an anchor": "kind: Secret\ndata: {a: &x hunter2}\n",
    "an alias": "kind: Pod\nx: &x {kind: Secret}\ndata: *x\n",
    "an open quote": "kind: Secret\ndata: {a: 'hunter2}\n",
    "a list as a key": "? [a]\n: hunter2\n",
    "deep": "kind: Pod\na: " + "[" * 300 + "]" * 300 + "\n",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_an_error_that_repeats_nothing(text: str) -> None:
    with pytest.raises(MaskingError) as caught:
        masked(text)
    chain = [caught.value, caught.value.__context__, caught.value.__cause__]
    assert not any("hunter2" in f"{error} {error!r}" for error in chain)
