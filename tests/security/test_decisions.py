"""What is decided about commands otherwise than when their words alone were judged: each change has its reason."""

from collections import Counter

from tests.support import decisions
from tests.support.decisions import Recorded

REASONS = tuple(decisions.explained())


def test_each_changed_decision_has_its_reason() -> None:
    today = {before: Recorded(before.text, decisions.of(before.text)) for before in decisions.recorded()}
    changed = {before: now for before, now in today.items() if before != now}
    explained = {before: now for reason in REASONS for before, now in reason.changes.items()}

    assert [f"{_told(before)} > {_told(now)} : {now.text}" for before, now in changed.items() - explained.items()] == []
    assert explained.items() - changed.items() == set()


def test_each_change_has_one_reason_and_each_reason_is_shown_by_requests() -> None:
    times = Counter(before for reason in REASONS for before in reason.changes)
    commands = {each.text for each in decisions.recorded()}

    assert set(times.values()) == {1}
    for reason in REASONS:
        assert reason.text.endswith(".")
        assert reason.requests
        assert {command for command, _ in reason.requests} <= commands


def test_door_decides_about_requests_as_the_reasons_say() -> None:
    for reason in REASONS:
        found = {key: decisions.of_request(*key) for key in reason.requests}
        assert found == dict(reason.requests), reason.text


def test_the_record_has_each_command_once() -> None:
    texts = [each.text for each in decisions.recorded()]

    assert len(set(texts)) == len(texts)


def _told(each: Recorded) -> str:
    return " ".join(each.decided)
