"""What the gateway decides otherwise than when it judged by words alone: each change has its reason."""

from tests.support import decisions
from tests.support.decisions import Recorded


def test_each_changed_decision_has_its_reason() -> None:
    changed = {
        before: now
        for before in decisions.recorded()
        if (now := Recorded(before.text, decisions.of(before.text))) != before
    }
    explained = {before: now for before, now, _ in decisions.explained()}

    assert changed == explained


def test_each_reason_is_a_sentence() -> None:
    assert all(reason.endswith(".") for _, __, reason in decisions.explained())


def test_the_record_has_each_command_once() -> None:
    texts = [each.text for each in decisions.recorded()]

    assert len(set(texts)) == len(texts)
