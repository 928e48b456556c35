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
MOST_BYTES = 4 * 1024 * 1024
"""Most bytes of all answers of one look. Decoded objects take many times as much memory, and servers choose them."""
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
        if self.awaited.own_paths:
            return "; ".join(filter(None, map(summary.of_application, found)))
        return await self._of_objects(found)

    async def _get_all(self, paths: Sequence[str]) -> list[Object]:
        """Returns the objects at all paths, each object once. An object that does not exist is left out."""
        turns, budget = asyncio.Semaphore(AT_ONCE), Budget()

        async def get(path: str) -> list[Object]:
            async with turns:
                return await self._get(path, budget)

        try:
            async with asyncio.TaskGroup() as group:
                asking = [group.create_task(get(path), name="look") for path in paths]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return list({_identity(item): item for each in asking for item in each.result()}.values())

    async def _get(self, path: str, budget: "Budget") -> list[Object]:
        answer = await self.ask(path) if budget.left_bytes else None
        if answer is None or not budget.holds(answer.body):
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
                f"/api/v1/namespaces/{quote(namespace, safe='')}/pods?{urlencode({'labelSelector': selector})}",
                Budget(),
            )
        except ForbiddenError:
            return ""
        return pods.hindrance(found)


@dataclass(slots=True)
class Budget:
    """What the answers of one look may still take."""

    left_bytes: int = MOST_BYTES

    def holds(self, body: bytes) -> bool:
        """Takes the size of an answer. Returns False if that is too much; then nothing more is asked for."""
        self.left_bytes = max(0, self.left_bytes - len(body))
        return self.left_bytes > 0


def _identity(item: Object) -> tuple[str, str, str]:
    return fields.text(item, "kind"), fields.text(item, "metadata", "namespace"), fields.text(item, "metadata", "name")
