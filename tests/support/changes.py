"""Changes for tests."""

from typing import Any

from shared.changes import Change, Changes, ChangeState, ChangeTally
from shared.events import EventKind


def change(number: int = 1, **fields: Any) -> Change:
    """The creation of a Deployment that is on its way, but for the fields."""
    made: dict[str, Any] = {
        "number": number,
        "verb": "create",
        "group": "apps",
        "resource": "deployments",
        "kind": "Deployment",
        "namespace": "shop",
        "name": f"web-{number}",
    }
    return Change(**{**made, **fields})


def done(number: int = 1, **fields: Any) -> Change:
    """A change that the API server has acknowledged."""
    return change(number, **{"state": ChangeState.DONE, "status": 201, **fields})


def told(*changes: Change) -> Changes | None:
    """The changes as a response tells them."""
    tally = ChangeTally()
    for each in changes:
        tally.add(each)
    return tally.told()


def event(of: Change) -> tuple[EventKind, bytes]:
    """What an event about the change contains."""
    return EventKind.CHANGE, of.model_dump_json().encode()
