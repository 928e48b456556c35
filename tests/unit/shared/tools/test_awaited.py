"""Which commands wait, for what, and which of their requests show it."""

import pytest

from shared.command import flags
from shared.tools import registry
from shared.tools.awaited import Among, Awaited, Goal


def awaited(command: str) -> Awaited | None:
    name, *words = command.split()
    tool = registry.find(name)
    assert tool.awaited is not None
    return tool.awaited(flags.read(tool.grammar, words))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("kubectl rollout status deploy/web", Awaited(Goal.READY, Among.READ)),
        ("kubectl delete pod web", Awaited(Goal.GONE)),
        ("kubectl wait --for=delete pod/web", Awaited(Goal.GONE, Among.READ)),
        (
            "kubectl wait --for=condition=Available deploy/web",
            Awaited(Goal.CONDITION, Among.READ, ("Available", "true")),
        ),
        (
            "kubectl wait --for=condition=Progressing=False deploy/web",
            Awaited(Goal.CONDITION, Among.READ, ("Progressing", "False")),
        ),
        ("kubectl wait --for=jsonpath={.status.phase}=Running pod/web", Awaited(Goal.OTHER, Among.READ)),
        ("helm install web ./web", Awaited(Goal.READY)),
        ("helm install ./web --generate-name --wait", Awaited(Goal.READY)),
        ("helm upgrade --install web ./web --atomic --timeout 10m", Awaited(Goal.READY)),
        ("helm rollback web 1 --wait", Awaited(Goal.READY)),
        ("helm uninstall web", Awaited(Goal.GONE)),
        ("istioctl install -y --set profile=minimal", Awaited(Goal.READY)),
    ],
)
def test_command_says_what_it_waits_for(command: str, expected: Awaited) -> None:
    assert awaited(command) == expected


@pytest.mark.parametrize(
    ("command", "paths"),
    [
        ("argocd app wait web --health --insecure --timeout 9", ("/api/v1/applications/web",)),
        ("argocd app sync web -N apps", ("/api/v1/applications/web?appNamespace=apps",)),
        (
            "argocd app sync apps/web other --plaintext",
            ("/api/v1/applications/web?appNamespace=apps", "/api/v1/applications/other"),
        ),
    ],
)
def test_application_is_asked_for_on_its_own_server(command: str, paths: tuple[str, ...]) -> None:
    assert awaited(command) == Awaited(Goal.READY, own_paths=paths)


@pytest.mark.parametrize(
    "command",
    [
        "kubectl get pods",
        "kubectl delete pod web --wait=false",
        "kubectl delete pod web --dry-run=client",
        "kubectl delete --raw /api/v1/namespaces/x",
        "kubectl rollout status deploy/web --watch=false",
        "helm upgrade web ./web --dry-run",
        "helm list",
        "argocd app list",
        "argocd app sync -l team=web",
        "argocd app sync web --core",
        "istioctl analyze",
    ],
)
def test_command_that_does_not_wait_or_cannot_be_seen_awaits_nothing(command: str) -> None:
    assert awaited(command) is None
