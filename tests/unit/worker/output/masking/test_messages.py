"""What error messages repeat of Secrets, quoted once or more."""

import json

import pytest

from worker.output.masking import helm, messages
from worker.output.masking.messages import MAX_LINE_BYTES, TOO_LONG, MaskedLines

OBJECT = json.dumps({"data": {"a": "aHVudGVyMg=="}, "kind": "Secret", "x": 'a "quoted\\" hunter2\n'})
REASON = ": illegal base64 data at input byte 0"


def quoted(text: str, times: int = 1) -> str:
    for _ in range(times):
        text = json.dumps(text)
    return text


def assert_hidden(text: str) -> None:
    assert "hunter2" not in text
    assert "aHVudGVyMg" not in text


def test_secret_that_a_message_quotes_is_masked_and_the_reason_stays() -> None:
    found = messages.mask(f"The request is invalid: patch: Invalid value: {quoted(OBJECT)}{REASON}\n")
    assert_hidden(found.text)
    assert found.count == 1
    assert found.text.endswith(f' bytes]"{REASON}\n')


@pytest.mark.parametrize("times", [1, 2, 3])
def test_message_that_is_quoted_itself_is_masked(times: int) -> None:
    found = messages.mask(f"failed {quoted(f'patch: Invalid value: {quoted(OBJECT)}{REASON}', times)} again\n")
    assert_hidden(found.text)
    assert REASON in found.text
    assert found.text.endswith(" again\n")


@pytest.mark.parametrize(
    "value",
    [quoted(OBJECT)[:-1], "map[data:map[a:hunter2]]", OBJECT],
    ids=["without end", "as Go prints a map", "bare"],
)
def test_value_without_an_end_is_masked_to_the_end_of_the_line(value: str) -> None:
    found = messages.mask(f"Secret x is invalid: Invalid value: {value}\nnext\n")
    assert_hidden(found.text)
    assert found.text.endswith("]\nnext\n")


def test_all_values_of_a_message_in_lines_are_masked() -> None:
    text = 'The Secret "x" is invalid:\n* type: Invalid value: "hunter2": immutable\n* b: Invalid value: -1: too few\n'
    found = messages.mask(text).text
    assert_hidden(found)
    assert found.endswith(": immutable\n* b: Invalid value: -1: too few\n")


def test_message_about_other_kinds_is_as_it_was() -> None:
    text = 'The Service "x" is invalid: spec.type: Invalid value: "Loud": supported values: "ClusterIP"\n'
    assert messages.mask(text).text == text


def test_lines_are_masked_as_they_come() -> None:
    printed: list[bytes] = []
    lines = MaskedLines(printed.append)
    text = f"first\npatch: Invalid value: {quoted(OBJECT)}{REASON}\n".encode()
    for place in range(len(text)):
        lines.add(text[place : place + 1])
        assert (b"first\n" in printed) == (place >= len("first"))
    lines.add(b"last \xff")
    lines.end()
    assert b"".join(printed).endswith(f'"{REASON}\nlast '.encode() + b"\xff")
    assert_hidden(b"".join(printed).decode(errors="replace"))


def test_message_that_is_cut_off_before_it_says_its_kind_is_masked() -> None:
    printed: list[bytes] = []
    lines = MaskedLines(printed.append)
    lines.add(b'patch: Invalid value: "{\\"data\\":{\\"a\\":\\"aHVudGVyMg')
    lines.end()
    assert_hidden(b"".join(printed).decode())


def test_line_that_is_too_long_is_not_shown() -> None:
    printed: list[bytes] = []
    lines = MaskedLines(printed.append)
    for _ in range(2 * MAX_LINE_BYTES // 65_536 + 1):
        lines.add(b"hunter2 " * 8192)
    lines.add(b"hunter2\nnext\n")
    lines.end()
    assert b"".join(printed) == TOO_LONG + b"\nnext\n"


def test_description_of_a_failed_release_is_masked_in_each_form() -> None:
    said = f'Upgrade "web" failed: cannot patch "web" with kind Secret: Invalid value: {quoted(OBJECT)}{REASON}'
    status = json.dumps({"info": {"description": said}, "name": "web"})
    history = json.dumps([{"description": said, "revision": 1}])
    for found in (
        helm.release(f"NAME: web\nDESCRIPTION: {said}\n"),
        helm.release_object(status),
        helm.release_object(history),
    ):
        assert_hidden(found.text)
        assert found.count == 1
        assert REASON in found.text
