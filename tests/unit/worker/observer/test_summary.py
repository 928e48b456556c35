"""The line that is told of what a command waits for, and what of a release's manifests is looked for."""

import json

from shared.tools.progress_looks import Goal
from tests.unit.worker.observer import recorded
from worker.observer import fields, summary
from worker.observer.manifests import MOST_DOCUMENTS, Manifests
from worker.observer.objects import Standing
from worker.observer.silence import Pace
from worker.observer.summary import Named

WEB = Named("web", Standing(1, 3, "ImagePullBackOff"))
DB = Named("db", Standing(8, 9))
CONFIG = Named("ConfigMap web", Standing(0, 0))
RELEASE = b"""\
---
# Source: web/templates/hook.yaml
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations:
    "helm.sh/hook": pre-install
---
# Source: web/templates/secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: web}
stringData: {password: canary}
---
apiVersion: apps/v1
kind: "Deployment"
metadata:
  name: web
---
apiVersion: v1
kind: List
items: []
"""


def test_ready_parts_are_counted_and_what_hinders_is_named() -> None:
    assert summary.of_objects([WEB, DB, CONFIG], Goal.READY) == "9/12 ready; web: ImagePullBackOff"


def test_objects_that_are_not_there_yet_count_too() -> None:
    assert summary.of_objects([DB], Goal.READY, missing=3) == "8/12 ready; 3 of the objects not created yet"


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


def test_secrets_of_a_release_are_not_looked_for() -> None:
    manifests = Manifests.of(RELEASE)
    assert b"canary" not in manifests.documents
    assert manifests.documents.count(b"\nkind:") == 2


def test_hooks_are_looked_for_and_not_expected_to_be_there() -> None:
    assert Manifests.of(RELEASE).expected == 1
    assert b"migrate" in Manifests.of(RELEASE).documents


def test_large_release_is_looked_at_in_part() -> None:
    assert Manifests.of(b"---\nkind: Pod\n" * 1_000).expected == MOST_DOCUMENTS


def test_printed_objects_are_read_alone_or_as_a_list() -> None:
    pod = recorded.pod(recorded.READY)
    assert fields.printed(json.dumps(pod).encode()) == [pod]
    assert fields.printed(json.dumps({"kind": "List", "items": [pod, 3]}).encode()) == [pod]


def test_what_is_no_object_is_read_as_none() -> None:
    for output in (b"", b"No resources found", b"[1]", b"[" * 100_000, b"\xff"):
        assert fields.printed(output) == []


def test_looks_that_show_the_same_become_rarer_and_news_bring_them_back() -> None:
    pace = Pace()
    assert pace.rest_s(pace.shortest_s, is_news=False, took_s=0) == pace.longest_s
    assert pace.rest_s(pace.longest_s, is_news=False, took_s=0) == pace.longest_s
    assert pace.rest_s(pace.longest_s, is_news=True, took_s=0) == pace.shortest_s


def test_slow_looks_leave_most_of_the_time_to_others() -> None:
    assert Pace().rest_s(5, is_news=True, took_s=8) >= 4 * 8
