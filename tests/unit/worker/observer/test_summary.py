"""The line that is told of what a command waits for."""

import json

from shared.tools.awaited import Goal
from tests.unit.worker.observer import recorded
from worker.observer import fields, summary
from worker.observer.objects import Standing
from worker.observer.silence import Pace
from worker.observer.summary import Named

WEB = Named("web", Standing(1, 3, "ImagePullBackOff"))
DB = Named("db", Standing(8, 9))
CONFIG = Named("ConfigMap web", Standing(0, 0))


def test_ready_parts_are_counted_and_what_hinders_is_named() -> None:
    assert summary.of_objects([WEB, DB, CONFIG], Goal.READY) == "9/12 ready; web: ImagePullBackOff"


def test_what_is_to_go_is_counted_while_it_is_left() -> None:
    left = Named("web", Standing(0, 1, "Terminating"))
    assert summary.of_objects([left, Named("db", Standing(0, 1))], Goal.GONE) == "2 left; web: Terminating"
    assert summary.of_objects([], Goal.GONE) == ""


def test_what_cannot_be_counted_is_told_by_what_hinders_it() -> None:
    assert summary.of_objects([WEB, DB], Goal.OTHER) == "web: ImagePullBackOff"


def test_nothing_to_count_is_nothing_to_say() -> None:
    assert summary.of_objects([CONFIG], Goal.READY) == ""


def test_many_hindrances_are_cut() -> None:
    line = summary.of_objects([Named(f"w{number}", Standing(0, 1, "Pending")) for number in range(50)], Goal.READY)
    assert line == "0/50 ready; w0: Pending; w1: Pending; w2: Pending; and 47 more"


def test_application_is_told_by_the_health_of_its_resources() -> None:
    assert summary.of_application(recorded.APPLICATION) == (
        "1/2 healthy; Deployment web: Progressing "
        "(Waiting for rollout to finish: 0 out of 1 new replicas have been updated...)"
    )


def test_running_sync_says_what_it_does() -> None:
    status = {"operationState": {"message": "waiting for hook migrate", "phase": "Running"}}
    assert summary.of_application({"status": status}) == "sync running: waiting for hook migrate"


def test_application_out_of_sync_says_so() -> None:
    assert summary.of_application({"status": {"sync": {"status": "OutOfSync"}}}) == "sync status OutOfSync"


def test_answered_objects_are_read_alone_or_as_a_list_whose_items_have_no_kind() -> None:
    pod = recorded.pod(recorded.READY)
    assert fields.answered(json.dumps(pod).encode()) == [pod]
    item = {name: value for name, value in pod.items() if name != "kind"}
    assert fields.answered(json.dumps({"kind": "PodList", "items": [item, 3]}).encode()) == [pod]


def test_what_is_no_object_is_read_as_none() -> None:
    for output in (b"", b"404 page not found", b"[1]", b"[" * 100_000, b"\xff"):
        assert fields.answered(output) == []


def test_looks_that_show_the_same_become_rarer_and_news_bring_them_back() -> None:
    pace = Pace()
    assert pace.rest_s(pace.shortest_s, is_news=False, took_s=0) == pace.longest_s
    assert pace.rest_s(pace.longest_s, is_news=False, took_s=0) == pace.longest_s
    assert pace.rest_s(pace.longest_s, is_news=True, took_s=0) == pace.shortest_s


def test_slow_looks_leave_most_of_the_time_to_others() -> None:
    assert Pace().rest_s(5, is_news=True, took_s=8) >= 4 * 8
