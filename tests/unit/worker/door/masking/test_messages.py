"""What error messages repeat of Secrets, quoted once or more."""

import json

import pytest

from shared.documents import Value
from worker.door.masking import messages, releases
from worker.door.masking.budget import Budget

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


@pytest.mark.parametrize("times", [0, 1, 2, 3])
@pytest.mark.parametrize("value", ["x\\", "x\\\\", '\\"', '"', "\\"])
def test_value_that_ends_in_backslashes_does_not_hide_the_end_of_its_quotation(value: str, times: int) -> None:
    said = f'Secret "web" is invalid: [a: Invalid value: {quoted(value)}: bad, b: Invalid value: "hunter2": {REASON}]'
    found = messages.mask(quoted(said, times))
    assert found.count == 2
    assert_hidden(found.text)
    assert ": bad, b: Invalid value: " in found.text
    assert REASON in found.text


@pytest.mark.timeout(60)
def test_value_of_backslashes_is_read_once() -> None:
    """Where each backslash were followed to the end of the text, this would take hours."""
    assert messages.quotations('Invalid value: "' + "\\" * 1_000_000).count == 1


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


def test_values_of_other_quotations_are_masked_too() -> None:
    text = 'Secret "x": a: Unsupported value: "hunter2": supported values: "b", c[0]: Duplicate value: "hunter2"\n'
    assert messages.mask(text).count == 2
    assert_hidden(messages.mask(text).text)


def test_status_is_masked_in_its_message_and_in_each_cause() -> None:
    said = f"Invalid value: {quoted(OBJECT)}{REASON}"
    status: dict[str, Value] = {
        "kind": "Status",
        "message": said,
        "details": {"causes": [{"message": said, "field": "a"}, {}]},
    }
    for change in tuple(messages.of_status(status)):
        change.make()
    assert_hidden(json.dumps(status))
    assert json.dumps(status).count(REASON) == 2


def test_description_of_a_failed_release_is_masked() -> None:
    said = f'Upgrade "web" failed: cannot patch "web" with kind Secret: Invalid value: {quoted(OBJECT)}{REASON}'
    roots: list[Value] = [{"info": {"description": said}, "name": "web"}, [{"description": said, "revision": 1}]]
    for release in roots:
        for change in tuple(releases.changes(release, Budget())):
            change.make()
        assert_hidden(json.dumps(release))
        assert REASON in json.dumps(release)
