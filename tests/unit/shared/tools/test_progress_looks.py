"""Which commands wait, for what, and how that is looked at."""

import pytest

from shared.command import flags
from shared.tools import registry
from shared.tools.progress_looks import Goal, ProgressLooks

GET = "get --output=json --ignore-not-found"


def awaited(command: str) -> ProgressLooks | None:
    name, *words = command.split()
    tool = registry.find(name)
    assert tool.progress_looks is not None
    return tool.progress_looks(flags.read(tool.grammar, words))


def looks(command: str) -> list[str]:
    """What is run to see how far the command is."""
    found = awaited(command)
    assert found is not None
    return [f"{look.tool} {' '.join(look.arguments)}" for look in found.looks]


@pytest.mark.parametrize(
    ("command", "look"),
    [
        ("kubectl rollout status deploy/web -n shop --timeout=60s", f"kubectl {GET} --namespace=shop -- deploy/web"),
        ("kubectl --namespace=shop rollout status sts db", f"kubectl {GET} --namespace=shop -- sts db"),
        ("kubectl wait --for=condition=Ready pod -l app=web", f"kubectl {GET} --selector=app=web -- pod"),
        ("kubectl wait pods --all -A --for delete", f"kubectl {GET} --all-namespaces -- pods"),
        ("kubectl delete pod web --grace-period=60", f"kubectl {GET} -- pod web"),
        ("kubectl delete -f web.yaml -R", f"kubectl {GET} --filename=web.yaml --recursive --"),
        (
            "istioctl install -y --set profile=minimal",
            f"kubectl {GET} --namespace=istio-system --selector=operator.istio.io/component -- deployments,daemonsets",
        ),
        ("argocd app wait web --health --insecure --timeout 9", "argocd app get --insecure --output=json -- web"),
        ("argocd app sync web -N apps", "argocd app get --app-namespace=apps --output=json -- web"),
    ],
)
def test_look_selects_what_the_command_waits_for(command: str, look: str) -> None:
    assert looks(command) == [look]


@pytest.mark.parametrize(
    "command",
    [
        "helm install web ./web --wait",
        "helm upgrade --install web ./web --atomic --timeout 10m",
        "helm rollback web 1 --wait",
        "helm install web ./web",
    ],
)
def test_release_says_itself_what_helm_waits_for(command: str) -> None:
    [look] = looks(f"{command} -n shop")
    assert look.startswith("helm get all --namespace=shop --template=")
    assert look.endswith("-- web")


def test_each_release_that_is_removed_is_looked_at() -> None:
    assert [look.rpartition(" ")[2] for look in looks("helm uninstall a b --wait")] == ["a", "b"]


@pytest.mark.parametrize(
    ("command", "goal"),
    [
        ("kubectl rollout status deploy/web", Goal.READY),
        ("kubectl delete pod web", Goal.GONE),
        ("kubectl wait --for=delete pod/web", Goal.GONE),
        ("kubectl wait --for=condition=Available deploy/web", Goal.CONDITION),
        ("kubectl wait --for=jsonpath={.status.phase}=Running pod/web", Goal.OTHER),
        ("helm uninstall web", Goal.GONE),
    ],
)
def test_goal_is_that_of_the_command(command: str, goal: Goal) -> None:
    found = awaited(command)
    assert found is not None
    assert found.goal is goal


@pytest.mark.parametrize(
    ("text", "condition"), [("Ready", ("Ready", "true")), ("Progressing=False", ("Progressing", "False"))]
)
def test_condition_and_its_value_are_read(text: str, condition: tuple[str, str]) -> None:
    found = awaited(f"kubectl wait --for=condition={text} pod/web")
    assert found is not None
    assert found.condition == condition


@pytest.mark.parametrize(
    "command",
    [
        "kubectl get pods",
        "kubectl delete pod web --wait=false",
        "kubectl delete pod web --dry-run=client",
        "kubectl delete --raw /api/v1/namespaces/x",
        "kubectl rollout status deploy/web --watch=false",
        "helm install ./web --generate-name --wait",
        "helm upgrade web ./web --dry-run",
        "helm list",
        "argocd app list",
        "argocd app sync -l team=web",
        "istioctl analyze",
    ],
)
def test_command_that_does_not_wait_or_cannot_be_seen_has_no_look(command: str) -> None:
    assert awaited(command) is None


def test_looks_only_read() -> None:
    """Whatever a command waits for, looking at it changes nothing."""
    verbs = {("kubectl", "get"), ("helm", "get all"), ("argocd", "app get")}
    for command in ("kubectl delete pod web", "helm uninstall web", "argocd app sync web", "istioctl install"):
        found = awaited(command)
        assert found is not None
        assert {(look.tool, " ".join(look.verb)) for look in found.looks} <= verbs
        for look in found.looks:
            assert look.arguments[: len(look.verb)] == look.verb
