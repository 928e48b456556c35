"""Combines the results of looks into the progress line of a waiting command."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from shared.tools import progress_looks
from shared.tools.progress_looks import Goal, Look, ProgressLooks, Shows
from worker.observer import fields, objects, pods, summary
from worker.observer.fields import Object
from worker.observer.looker import Looker, NoSight
from worker.observer.manifests import Manifests
from worker.observer.summary import Named

MOST_WORKLOADS = 3
"""Most workloads that are not ready whose pods are looked at."""


class ForbiddenError(Exception):
    """The kubeconfig's user may not read the objects that the command waits for."""


@dataclass(frozen=True, slots=True)
class View:
    """The objects that one command waits for, as its looks show them."""

    looks: ProgressLooks
    looker: Looker

    async def line(self) -> str:
        """Returns the progress line, or nothing if nothing is known. Raises ForbiddenError if reading is forbidden."""
        lines = [line async for line in self._lines()]
        return "; ".join(filter(None, lines))

    async def _lines(self) -> AsyncIterator[str]:
        for look in self.looks.looks:
            shown = await self._seen(look)
            if look.shows is Shows.APPLICATION:
                for application in fields.printed(shown):
                    yield summary.of_application(application)
            elif look.shows is Shows.OBJECTS:
                yield await self._of_objects(fields.printed(shown))
            elif shown:
                yield await self._of_manifests(Manifests.of(shown))

    async def _of_manifests(self, manifests: Manifests) -> str:
        if not manifests.documents:
            return ""
        look = progress_looks.named_in_manifests(self.looks.namespace)
        shown = await self.looker.look(look, stdin=manifests.documents.decode("utf-8", "replace"))
        if isinstance(shown, NoSight):
            return _unless_forbidden(shown)
        found = fields.printed(shown)
        return await self._of_objects(found, missing=max(0, manifests.expected - len(found)))

    async def _of_objects(self, found: list[Object], *, missing: int = 0) -> str:
        goal = self.looks.goal
        named: list[Named] = []
        looked_at = 0
        for item in found:
            standing = objects.standing(item, self.looks)
            selector = objects.selector(item)
            if goal is not Goal.GONE and not standing.is_reached and selector and looked_at < MOST_WORKLOADS:
                looked_at += 1
                hindrance = await self._of_pods(fields.text(item, "metadata", "namespace"), selector)
                standing = replace(standing, hindrance=hindrance or standing.hindrance)
            named.append(Named(objects.name(item), standing))
        return summary.of_objects(named, goal, missing=missing if goal is not Goal.GONE else 0)

    async def _of_pods(self, namespace: str, selector: str) -> str:
        shown = await self.looker.look(progress_looks.pods(namespace, selector))
        return "" if isinstance(shown, NoSight) else pods.hindrance(fields.printed(shown))

    async def _seen(self, look: Look) -> bytes:
        shown = await self.looker.look(look)
        return _unless_forbidden(shown).encode() if isinstance(shown, NoSight) else shown


def _unless_forbidden(shown: NoSight) -> str:
    if shown is NoSight.FORBIDDEN:
        raise ForbiddenError
    return ""
