"""What a command waits for is known from its own requests."""

from typing import Any

import pytest

from shared.tools.awaited import Among, Awaited, Goal
from worker.door.messages import Seen
from worker.observer.touched import MOST_PATHS, Touched

DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"


def seen(verb: str, path: str = DEPLOYMENTS, **fields: Any) -> Seen:
    """An answered request at a Deployment or at all of them."""
    given: dict[str, Any] = {
        "visit": 1,
        "audit_id": "",
        "method": "",
        "is_resource": True,
        "group": "apps",
        "version": "v1",
        "resource": "deployments",
        "subresource": "",
        "namespace": "shop",
        "name": "",
        "selectors": "",
        "refused_by": "",
        "status": 200,
    }
    return Seen(**{**given, "verb": verb, "path": path, **fields})


def paths(awaited: Awaited, *requests: Seen) -> list[str]:
    touched = Touched(awaited)
    for each in requests:
        touched.note(each)
    return touched.paths


def test_installed_workloads_are_awaited_and_other_objects_are_not() -> None:
    found = paths(
        Awaited(Goal.READY),
        seen("get", f"{DEPLOYMENTS}/old", name="old"),
        seen("create", name="web", status=201),
        seen("create", "/api/v1/namespaces/shop/secrets", resource="secrets", name="release", status=201),
        seen("patch", f"{DEPLOYMENTS}/api", name="api"),
        seen("patch", f"{DEPLOYMENTS}/api/scale", name="api", subresource="scale"),
    )
    assert found == [f"{DEPLOYMENTS}/web", f"{DEPLOYMENTS}/api"]


def test_hook_that_was_deleted_again_is_not_awaited() -> None:
    found = paths(Awaited(Goal.READY), seen("create", name="hook"), seen("delete", f"{DEPLOYMENTS}/hook"))
    assert found == []


def test_deleted_objects_of_every_kind_are_awaited() -> None:
    path = "/api/v1/namespaces/shop/configmaps/held"
    assert paths(Awaited(Goal.GONE), seen("delete", path, resource="configmaps"), seen("create", name="x")) == [path]


def test_read_objects_are_awaited_once_with_their_selectors() -> None:
    watch = seen("watch", selectors="fieldSelector=metadata.name%3Dweb")
    assert paths(Awaited(Goal.READY, Among.READ), watch, watch, seen("create", name="x")) == [
        f"{DEPLOYMENTS}?fieldSelector=metadata.name%3Dweb"
    ]


@pytest.mark.parametrize("status", [None, 403, 404])
def test_request_that_failed_shows_nothing(status: int | None) -> None:
    assert paths(Awaited(Goal.READY), seen("create", name="web", status=status)) == []


def test_number_of_paths_is_bounded() -> None:
    many = [seen("create", name=f"web-{number}") for number in range(MOST_PATHS + 5)]
    assert len(paths(Awaited(Goal.READY), *many)) == MOST_PATHS
