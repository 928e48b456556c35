"""Looks at what a silent command waits for, and what is told of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from shared.events import EventKind
from shared.tools.awaited import Awaited, Goal
from tests.support.waiting import wait_until
from worker.door.client.client import Answer, DoorGoneError
from worker.observer.observatory import Observatory
from worker.observer.silence import Pace
from worker.observer.summary import NOT_TO_BE_SEEN
from worker.observer.view import MOST_BYTES

PACE = Pace(silence_s=0.05, shortest_s=0.05, longest_s=0.05, rest_factor=0)
POD = "/api/v1/namespaces/shop/pods/web"
READY = Awaited(Goal.READY)


@dataclass
class Post:
    """An observatory whose door gives these answers, path → status and object."""

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    is_gone: bool = False

    @asynccontextmanager
    async def observed(self, *paths: str, awaited: Awaited = READY, pace: Pace = PACE) -> AsyncIterator[None]:
        async with Observatory(pace).observed(
            awaited, self._ask, lambda: list(paths), sink=_no_output, tell=self.told.append
        ):
            yield

    async def _ask(self, path: str) -> Answer | None:
        self.asked.append(path)
        await asyncio.sleep(0)
        if self.is_gone:
            raise DoorGoneError
        status, body = self.answers.get(path, (404, {"kind": "Status"}))
        return Answer(status, json.dumps(body).encode())


def _no_output(_: EventKind, data: bytes) -> None:
    raise AssertionError(data)


def pod(phase: str) -> dict[str, Any]:
    return {"kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}, "status": {"phase": phase}}


async def observing_has_ended() -> None:
    await wait_until(lambda: not any(task.get_name() == "observe" for task in asyncio.all_tasks()), timeout_s=20)


async def test_what_is_seen_is_told_when_it_changes() -> None:
    post = Post({POD: (200, pod("Pending"))})
    async with post.observed(POD):
        await wait_until(lambda: post.told == ["0/1 ready; web: Pending"], timeout_s=20)
        post.answers[POD] = (200, pod("Succeeded"))
        await wait_until(lambda: post.told[1:] == ["1/1 ready"], timeout_s=20)


async def test_object_that_two_paths_show_counts_once() -> None:
    listed = {"kind": "PodList", "items": [{key: value for key, value in pod("Pending").items() if key != "kind"}]}
    query = "/api/v1/namespaces/shop/pods?fieldSelector=metadata.name%3Dweb"
    post = Post({POD: (200, pod("Pending")), query: (200, listed)})
    async with post.observed(POD, query):
        await wait_until(lambda: post.told == ["0/1 ready; web: Pending"], timeout_s=20)


async def test_workload_is_explained_by_its_pods() -> None:
    labels = {"matchLabels": {"app": "web"}}
    web = {
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": 1, "selector": labels},
    }
    pods = "/api/v1/namespaces/shop/pods?labelSelector=app%3Dweb"
    post = Post({"/web": (200, web), pods: (200, {"kind": "PodList", "items": [pod("Pending")]})})
    async with post.observed("/web"):
        await wait_until(lambda: post.told == ["0/1 ready; web: Pending"], timeout_s=20)


async def test_application_is_told_as_its_server_shows_it() -> None:
    path = "/api/v1/applications/web"
    post = Post({path: (200, {"metadata": {"name": "web"}, "status": {"sync": {"status": "OutOfSync"}}})})
    async with post.observed(path, awaited=Awaited(Goal.READY, own_paths=(path,))):
        await wait_until(lambda: post.told == ["sync status OutOfSync"], timeout_s=20)


async def test_looking_ends_with_its_command() -> None:
    post = Post()
    async with post.observed(POD):
        await wait_until(lambda: len(post.asked) > 2, timeout_s=20)
    await observing_has_ended()
    assert post.told == []


async def test_forbidden_look_is_told_once_and_ends_the_looking() -> None:
    post = Post({POD: (403, {"kind": "Status"})})
    async with post.observed(POD):
        await observing_has_ended()
        assert post.told == [NOT_TO_BE_SEEN]


async def test_look_asks_for_nothing_more_once_it_is_forbidden() -> None:
    paths = [f"{POD}-{number}" for number in range(50)]
    post = Post({path: (403, {}) for path in paths})
    async with post.observed(*paths):
        await observing_has_ended()
    assert not any(task.get_name() == "look" for task in asyncio.all_tasks())
    assert (post.told, len(post.asked) < len(paths)) == ([NOT_TO_BE_SEEN], True)


async def test_look_reads_no_more_than_its_budget_of_bytes() -> None:
    large = {**pod("Pending"), "padding": "x" * (MOST_BYTES // 3)}
    paths = [f"{POD}-{number}" for number in range(50)]
    post = Post(dict.fromkeys(paths, (200, large)))
    async with post.observed(*paths):
        await wait_until(lambda: post.told)
    assert len(post.asked) < len(paths)


async def test_death_of_the_door_ends_the_looking() -> None:
    post = Post(is_gone=True)
    async with post.observed(POD):
        await observing_has_ended()
        assert post.told == []


async def test_command_that_has_not_been_silent_for_long_is_not_looked_at() -> None:
    post = Post()
    async with post.observed(POD, pace=replace(PACE, silence_s=3_600)):
        await asyncio.sleep(0)
    assert post.asked == []
