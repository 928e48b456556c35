"""Which kinds a command names, where `--` or a flag decides."""

import pytest

from shared.command import flags
from shared.tools.kubectl import definition as kubectl
from shared.tools.kubectl import kinds as kubectl_kinds


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("logs -- deploy/web", ("pods", "deployments")),
        ("port-forward -- svc/web 80", ("pods", "services")),
        ("exec deploy/web -- ls pods/x", ("pods", "deployments")),
        ("exec web -- deploy/x", ("pods",)),
        ("delete -- svc/web", ("services",)),
    ],
)
def test_what_stands_behind_the_two_dashes_is_a_command_to_exec_alone(text: str, kinds: tuple[str, ...]) -> None:
    words = text.split()
    reading = flags.read(kubectl.TOOL.grammar, words)

    assert kubectl_kinds.kinds(reading) == kinds


@pytest.mark.parametrize(
    ("text", "kinds", "acted_on"),
    [
        ("create job x --from=cj/nightly", ("jobs", "cronjobs"), ("jobs",)),
        ("set env deploy/web --from secret/db", ("deployments", "secrets"), ("deployments",)),
        ("events --for=Node/n1", ("nodes",), ()),
        ("wait --for=delete pod/x", ("pods",), ("pods",)),
    ],
)
def test_object_in_a_flag_is_named_and_not_acted_on(
    text: str, kinds: tuple[str, ...], acted_on: tuple[str, ...]
) -> None:
    reading = flags.read(kubectl.TOOL.grammar, text.split())

    assert kubectl_kinds.kinds(reading) == kinds
    assert kubectl_kinds.acted_on(reading) == acted_on
