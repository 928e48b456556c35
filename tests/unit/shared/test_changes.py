"""How changes are counted and told."""

from typing import Any

import pytest

from shared.changes import MOST_IN_RESPONSE, Change, ChangeState, ChangeTally
from tests.support.changes import change

DONE, FAILED, REFUSED = ChangeState.DONE, ChangeState.FAILED, ChangeState.REFUSED


def tally_of(*changes: Change) -> ChangeTally:
    tally = ChangeTally()
    for each in changes:
        tally.add(each)
    return tally


def summary_of(*changes: Change) -> str | None:
    told = tally_of(*changes).told()
    return told.summary if told else None


def test_nothing_is_told_of_no_changes() -> None:
    assert tally_of().told() is None
    assert tally_of().account() == []


def test_summary_counts_verbs_and_what_did_not_succeed() -> None:
    created = [change(number, state=DONE) for number in (1, 2, 3)]
    others = (
        change(4, verb="patch", state=DONE),
        change(5, verb="patch", state=REFUSED),
        change(6, state=FAILED, status=409),
        change(7, verb="exec", state=DONE),
        change(8),
        change(9),
    )
    assert summary_of(*created, *others) == "3 created, 1 patched, 1 exec, 1 failed, 1 refused, 2 on their way"


@pytest.mark.parametrize(
    ("verb", "summary"),
    [
        ("create", "1 created"),
        ("update", "1 updated"),
        ("patch", "1 patched"),
        ("delete", "1 deleted"),
        ("deletecollection", "1 deletecollection"),
        ("portforward", "1 portforward"),
    ],
)
def test_verbs_are_told_in_the_past(verb: str, summary: str) -> None:
    assert summary_of(change(verb=verb, state=DONE)) == summary


@pytest.mark.parametrize("verb", ["patch", "update"])
def test_object_that_was_not_there_before_is_created(verb: str) -> None:
    assert summary_of(change(verb=verb, state=DONE, status=201)) == "1 created"
    assert summary_of(change(verb=verb, state=DONE, status=200)) != "1 created"


def test_exec_whose_stream_was_created_is_no_creation() -> None:
    assert summary_of(change(verb="exec", state=DONE, status=201)) == "1 exec"


def test_single_change_is_on_its_way() -> None:
    assert summary_of(change()) == "1 on its way"


def test_outcome_replaces_the_intention() -> None:
    told = tally_of(change(name=""), change(name="web-x7k2", state=DONE, status=201)).told()

    assert told is not None
    assert (told.count, told.summary) == (1, "1 created")
    assert told.items == [change(name="web-x7k2", state=DONE, status=201)]


def test_first_outcome_counts() -> None:
    tally = tally_of(change(), change(state=REFUSED))

    assert not tally.add(change(state=DONE))
    assert not tally.begin(change())
    assert tally.told() == tally_of(change(state=REFUSED)).told()


def test_items_are_the_first_changes_and_the_count_is_of_all() -> None:
    numbers = range(1, MOST_IN_RESPONSE + 11)
    told = tally_of(*map(change, numbers), *(change(number, state=DONE) for number in numbers)).told()

    assert told is not None
    assert [each.number for each in told.items] == list(numbers)[:MOST_IN_RESPONSE]
    assert {each.state for each in told.items} == {DONE}
    assert (told.count, told.summary) == (len(numbers), f"{len(numbers)} created")


def test_account_names_five_acknowledged_changes_and_five_on_their_way() -> None:
    done = [change(number, state=DONE) for number in range(1, 8)]
    coming = [change(number, verb="patch", kind="Service", name="db") for number in (8, 9)]

    assert tally_of(*done, *coming, change(10, state=FAILED), change(11, state=REFUSED)).account() == [
        "the API server has acknowledged: created Deployment shop/web-1, created Deployment shop/web-2, "
        "created Deployment shop/web-3, created Deployment shop/web-4, created Deployment shop/web-5, and 2 more",
        "on their way, and may have happened: patch Service shop/db, patch Service shop/db",
    ]


def test_acknowledged_changes_beyond_those_kept_are_counted() -> None:
    numbers = range(1, MOST_IN_RESPONSE + 3)
    failed = [change(number, state=FAILED) for number in numbers]
    done = [change(number, state=DONE) for number in range(len(numbers) + 1, len(numbers) + 4)]

    assert tally_of(*failed, *done).account() == ["the API server has acknowledged: and 3 more"]


@pytest.mark.parametrize(
    ("fields", "subject"),
    [
        ({}, "Deployment shop/web-1"),
        ({"namespace": ""}, "Deployment web-1"),
        ({"name": ""}, "Deployment in shop"),
        ({"name": "", "namespace": ""}, "Deployment"),
        ({"kind": ""}, "deployments shop/web-1"),
        ({"resource": "deployments/scale", "kind": "Scale"}, "deployments/scale shop/web-1"),
    ],
)
def test_subject_says_what_is_changed(fields: dict[str, Any], subject: str) -> None:
    assert change(**fields).subject == subject
