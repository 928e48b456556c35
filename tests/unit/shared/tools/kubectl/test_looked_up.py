"""Which kinds a reading command looks up at the API server, where that is certain."""

import pytest

from shared.command import flags
from shared.tools import registry
from shared.tools.kubectl import scope


def looked_up(command: str) -> tuple[str, ...] | None:
    return scope.looked_up(flags.read(registry.find("kubectl").grammar, command.split()))


@pytest.mark.parametrize(
    ("command", "kinds"),
    [
        ("get pods", ("pods",)),
        ("get po,SVC -A", ("po", "svc")),
        ("describe deploy/web", ("deploy",)),
        ("logs web", ("pods",)),
        ("rollout status deploy/web", ("deploy",)),
        ("get widgets.example.com", ("widgets.example.com",)),
    ],
)
def test_named_kinds_are_told(command: str, kinds: tuple[str, ...]) -> None:
    assert looked_up(command) == kinds


@pytest.mark.parametrize(
    "command",
    ["get all", "get -f x.yaml", "get --raw /api", "apply -f -", "top pod"],
)
def test_command_that_may_look_up_other_kinds_tells_none(command: str) -> None:
    assert looked_up(command) is None
