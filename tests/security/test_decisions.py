"""What is decided about commands otherwise than when their words alone were judged: each change has its reason."""

import re
from collections import Counter

import pytest

from tests.e2e.forms import FORMS, Form, Setting
from tests.support import decisions
from tests.support.decisions import Recorded
from tests.support.product import PROJECT

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


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.command)
def test_form_that_needs_no_rule_was_refused_by_its_words_and_runs(form: Form) -> None:
    [before] = [each.decided for each in decisions.recorded() if each.text == form.command]

    assert _runs(form, before) is False
    assert _runs(form, decisions.of(form.command)) is True


def test_page_lists_the_forms_that_need_no_rule() -> None:
    page = (PROJECT / "docs" / "policy.md").read_text(encoding="utf-8")
    _, _, section = page.partition("## What needs no rule")

    assert {*re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)} == {form.command for form in FORMS}
    assert len(FORMS) >= 10


def _runs(form: Form, decided: tuple[str, ...]) -> bool:
    """Whether it runs under its setting."""
    if len(decided) == 1:
        return False
    alone, fence = decided[1:3]
    letters = {Setting.ANY: alone, Setting.STRICT: alone[1], Setting.PERMISSIVE: alone[2], Setting.FENCE: fence[1]}
    return set(letters[form.setting]) == {decisions.RUNS}
