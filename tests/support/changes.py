"""Changes for tests."""

from typing import Any

from shared.changes import Change


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
