"""Combines what looks show into the progress line of a waiting command."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import quote, urlencode

from shared.tools.awaited import Awaited, Goal
from worker.door.client.client import Answer
from worker.observer import fields, objects, pods, summary
from worker.observer.fields import Object
from worker.observer.summary import Named

MOST_WORKLOADS = 3
"""Most workloads that are not ready whose pods are looked at."""
AT_ONCE = 8
"""Most requests of one look at the same time."""

Ask = Callable[[str], Awaitable[Answer | None]]
"""Gets a path on the server, with the command's credential. Returns None if there was no answer."""


class ForbiddenError(Exception):
    """The kubeconfig's user may not read the objects that the command waits for."""


@dataclass(frozen=True, slots=True)
class View:
    """The objects that one command waits for."""

    awaited: Awaited
    ask: Ask

    async def line(self, paths: Sequence[str]) -> str:
        """Returns the progress line, or nothing if nothing is known. Raises ForbiddenError if reading is forbidden."""
        found = await self._get_all(paths)
        if self.awaited.own_server is not None:
            return "; ".join(filter(None, map(summary.of_application, found)))
        return await self._of_objects(found)

    async def _get_all(self, paths: Sequence[str]) -> list[Object]:
        """Returns the objects at all paths, each object once. An object that does not exist is left out."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def get(path: str) -> list[Object]:
            async with turns:
                return await self._get(path)

        found = await asyncio.gather(*map(get, paths))
        return list({_identity(item): item for items in found for item in items}.values())

    async def _get(self, path: str) -> list[Object]:
        answer = await self.ask(path)
        if answer is None:
            return []
        if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise ForbiddenError
        return fields.answered(answer.body) if answer.status == HTTPStatus.OK else []

    async def _of_objects(self, found: Iterable[Object]) -> str:
        goal = self.awaited.goal
        named: list[Named] = []
        looked_at = 0
        for item in found:
            standing = objects.standing(item, self.awaited)
            selector = objects.selector(item)
            if goal is not Goal.GONE and not standing.is_reached and selector and looked_at < MOST_WORKLOADS:
                looked_at += 1
                hindrance = await self._of_pods(fields.text(item, "metadata", "namespace"), selector)
                standing = replace(standing, hindrance=hindrance or standing.hindrance)
            named.append(Named(objects.name(item), standing))
        return summary.of_objects(named, goal)

    async def _of_pods(self, namespace: str, selector: str) -> str:
        try:
            found = await self._get(
                f"/api/v1/namespaces/{quote(namespace, safe='')}/pods?{urlencode({'labelSelector': selector})}"
            )
        except ForbiddenError:
            return ""
        return pods.hindrance(found)


def _identity(item: Object) -> tuple[str, str, str]:
    return fields.text(item, "kind"), fields.text(item, "metadata", "namespace"), fields.text(item, "metadata", "name")
