"""Which commands compute what they write from objects that they read, so that they need true values of Secrets."""

import pytest

from shared.command import parser
from shared.tools import registry


@pytest.mark.parametrize(
    "text",
    [
        "kubectl apply -f - --server-side",
        "kubectl apply -f x.yaml --server-side --dry-run=none",
        "kubectl apply -f - --server-side -o name",
        "kubectl apply -f - --server-side -v=6",
        "helm install web ./web",
        "helm upgrade web ./web --install --dry-run=none",
        "helm rollback web 1",
        "helm uninstall web",
        "helm test web",
        "istioctl install -y",
        "argocd app list --core",
    ],
)
def test_command_that_computes_from_live_objects_needs_their_values(text: str) -> None:
    assert needs_values(text)


@pytest.mark.parametrize(
    "text",
    [
        "kubectl get secrets -o yaml",
        "kubectl apply -f -",
        "kubectl apply -f x.yaml --prune --server-side=false",
        "kubectl apply -f - -o yaml",
        "kubectl apply -f - --server-side -o yaml",
        "kubectl apply -f - --server-side -v=7",
        "kubectl apply -f - -o jsonpath={.data}",
        "kubectl apply -f - --template={{.data}}",
        "kubectl apply -f - -v=7",
        "kubectl apply -f - --vmodule=round_trippers=9",
        "kubectl apply -f - --dry-run=server",
        "kubectl apply view-last-applied secret web",
        "kubectl diff -f -",
        "kubectl create secret generic web",
        "kubectl label secret web a=b",
        "kubectl replace -f -",
        "helm get all web",
        "helm status web",
        "helm upgrade web ./web --dry-run=server",
        "helm template web ./web",
        "istioctl install -y --dry-run",
        "istioctl analyze",
        "argocd app list",
    ],
)
def test_any_other_command_does_without_them(text: str) -> None:
    assert not needs_values(text)


def needs_values(text: str) -> bool:
    tool = registry.find(text.split(maxsplit=1)[0])
    return tool.grammar.computes_from_live(parser.parse(tool, text).reading)
