"""Writes the progress line of a waiting command: `9/12 ready; web: ImagePullBackOff`."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.tools.awaited import Goal
from worker.observer import fields
from worker.observer.fields import Object
from worker.observer.objects import Standing
from worker.observer.text import listed, short, with_detail

MOST_HINDRANCES = 3
NOT_TO_BE_SEEN = "no progress to show: the credentials do not allow reading the objects that the command waits for"


@dataclass(frozen=True, slots=True)
class Named:
    """An object's name and its progress."""

    name: str
    standing: Standing

    @property
    def hindrance(self) -> str:
        return f"{self.name}: {self.standing.hindrance}" if self.standing.hindrance else ""


def of_objects(found: Sequence[Named], goal: Goal) -> str:
    """Returns the line for objects of a cluster; empty if nothing is known."""
    counted = [one for one in found if one.standing.wanted > 0]
    unreached = [one for one in counted if not one.standing.is_reached]
    hindrances = listed(filter(None, (one.hindrance for one in unreached)), most=MOST_HINDRANCES)
    if goal is Goal.GONE:
        parts = [f"{len(unreached)} left" if unreached else "", hindrances]
    elif goal is Goal.OTHER:
        parts = [hindrances]
    else:
        ready, wanted = (sum(getattr(one.standing, part) for one in counted) for part in ("ready", "wanted"))
        parts = [f"{ready}/{wanted} ready" if wanted else "", hindrances]
    return "; ".join(filter(None, parts))


def of_application(application: Object) -> str:
    """Returns the line for an Argo CD Application: its resources that have a health, and the state of its sync."""
    judged = [item for item in fields.items(application, "status", "resources") if fields.mapping(item, "health")]
    unhealthy = [item for item in judged if fields.text(item, "health", "status") != "Healthy"]
    count = f"{len(judged) - len(unhealthy)}/{len(judged)} healthy" if judged else ""
    hindrances = listed(map(_unhealthy, unhealthy), most=MOST_HINDRANCES)
    return "; ".join(filter(None, (count, hindrances, _sync(application))))


def _unhealthy(resource: Object) -> str:
    name = short(f"{fields.text(resource, 'kind')} {fields.text(resource, 'name')}")
    status, message = (short(fields.text(resource, "health", part)) for part in ("status", "message"))
    return f"{name}: {with_detail(status, message)}"


def _sync(application: Object) -> str:
    operation = fields.mapping(application, "status", "operationState")
    phase = fields.text(operation, "phase")
    if phase in ("Running", "Error", "Failed"):
        return f"sync {short(phase).lower()}" + (f": {message}" if (message := short(operation.get("message"))) else "")
    status = short(fields.text(application, "status", "sync", "status"))
    return "" if status == "Synced" else f"sync status {status}" if status else ""
