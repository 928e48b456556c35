"""What a worker is told of a command's network: ports on loopback, listeners of its own."""

import pytest

from gateway.intake import network_needs
from shared.command import parser
from shared.command.invocation import Invocation
from shared.tools import registry
from shared.tools.tool import Tool

TOOLS = {tool.name: tool for tool in registry.tools()}


def parsed(text: str) -> tuple[Tool, Invocation]:
    tool = TOOLS[text.partition(" ")[0]]
    return tool, parser.parse(tool, text)


@pytest.mark.parametrize(
    ("command", "listens"),
    [
        ("istioctl proxy-config route deploy/web", True),
        ("istioctl proxy-status", True),
        ("istioctl version", True),
        ("istioctl version --remote=false", False),
        ("istioctl analyze", False),
        ("istioctl tag list", False),
        ("argocd app list --core", True),
        ("argocd app list --core=true", True),
        ("argocd app list --core=false", False),
        ("argocd app list", False),
        ("argocd app list --selector=--core", False),
        ("kubectl get pods", False),
        ("helm install x ./x", False),
    ],
)
def test_few_commands_listen_for_themselves(command: str, listens: bool) -> None:
    assert network_needs.listens(*parsed(command)) is listens


@pytest.mark.parametrize("name", TOOLS)
def test_verbs_and_flags_that_listen_are_the_clis_own(name: str) -> None:
    tool = TOOLS[name]
    assert tool.listening_verbs <= tool.grammar.table.verbs.keys()
    assert tool.listening_flags <= tool.grammar.table.global_flags.keys()


@pytest.mark.parametrize(
    ("command", "ports"),
    [
        ("helm show chart http://127.0.0.1:8080/charts", (8080,)),
        ("helm show chart web --repo=https://localhost", (443,)),
        ("helm show chart web --repo https://localhost:1", (1,)),
        ("helm show chart web --repo HTTP://LOCALHOST", (80,)),
        ("helm show chart oci://localhost:5000/charts/web", (5000,)),
        ("helm show chart http://me:secret@[::1]:8080", (8080,)),
        ("helm show chart http://[::ffff:127.0.0.1]:8080", (8080,)),
        ("helm show chart http://127.0.0.2:2 --repo http://127.0.0.1:1", (1, 2)),
        ("helm repo add x http://127.0.0.1:8080", (8080,)),
        ("helm template x ./x --set image=http://127.0.0.1:8080", ()),
        ("helm install x ./x --description http://127.0.0.1:8080", ()),
        ("helm show chart http://127.0.0.1:99999", ()),
        ("helm show chart http://127.0.0.1:0", ()),
        ("helm show chart http://10.0.0.1:8080", ()),
        ("helm show chart http://localhost.example:8080", ()),
        ("helm show chart http://sub.localhost:8080", ()),
        ("helm show chart -- http://127.0.0.1:8080", (8080,)),
        ("kubectl annotate pod x a=http://127.0.0.1:8080", ()),
        ("kubectl exec web -- curl http://127.0.0.1:8080", ()),
    ],
)
def test_loopback_ports_are_those_of_the_urls_that_a_command_names(command: str, ports: tuple[int, ...]) -> None:
    tool, invocation = parsed(command)
    assert network_needs.loopback_ports(tool, invocation.reading) == ports
