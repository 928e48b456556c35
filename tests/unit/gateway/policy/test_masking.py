"""Which commands the gateway has a worker mask, and in which shape."""

import pytest

from gateway.policy.policy import Policy
from shared.command import parser
from shared.command.masking import Masking
from shared.settings import SecurityMode
from shared.tools import registry

FILES = {
    "secret.yaml": "kind: Secret\nmetadata: {name: a}\n",
    "list.json": '{"kind": "List", "items": [{"kind": "Secret"}, {"kind": "Pod"}]}',
    "pod.yaml": "kind: Pod\nmetadata: {name: a}\n",
}


def masking(text: str, mode: SecurityMode = SecurityMode.STRICT) -> Masking | None:
    tool = registry.find(text.split(maxsplit=1)[0])
    invocation = parser.parse(tool, text)
    return Policy(mode).check(tool, invocation, stdin=None, files=FILES, kubeconfig_namespace=None).masking


MASKED = {
    "kubectl get secrets -o yaml": Masking.OBJECTS,
    "kubectl get secret x -ojson | jq -r .data": Masking.OBJECTS,
    "kubectl get cm,secret -o kyaml": Masking.OBJECTS,
    "kubectl get pod/a Secret/b -A=false -o=JSON": Masking.OBJECTS,
    "kubectl get all,secrets.v1. -o json -w": Masking.OBJECTS,
    "kubectl get -f secret.yaml -o yaml": Masking.OBJECTS,
    "kubectl get -f list.json -o yaml": Masking.OBJECTS,
    "kubectl get -f unseen.yaml -o yaml": Masking.OBJECTS,
    "kubectl get -k . -o yaml": Masking.OBJECTS,
    "kubectl apply -f secret.yaml -o yaml": Masking.OBJECTS,
    "kubectl apply -f secret.yaml -o yaml --dry-run=client": Masking.OBJECTS,
    "kubectl apply view-last-applied secret/x": Masking.OBJECTS,
    "kubectl create secret generic x --from-literal=a=b -o yaml": Masking.OBJECTS,
    "kubectl create -f secret.yaml -o yaml --dry-run=server": Masking.OBJECTS,
    "kubectl replace -f secret.yaml -o json": Masking.OBJECTS,
    "kubectl diff -f secret.yaml": Masking.DIFFERENCE,
    "kubectl apply -f secret.yaml": Masking.MESSAGES,
    "kubectl apply -k . --dry-run=server": Masking.MESSAGES,
    "kubectl patch secret x -p {} --dry-run=server": Masking.MESSAGES,
    "kubectl label secret/x a=b": Masking.MESSAGES,
    "helm get manifest web": Masking.MANIFESTS,
    "helm get hooks web": Masking.MANIFESTS,
    "helm get values web -o json": Masking.VALUES,
    "helm get all web": Masking.RELEASE,
    "helm template web ./web": Masking.MANIFESTS,
    "helm install web ./web --dry-run=client": Masking.RELEASE,
    "helm upgrade web ./web": Masking.RELEASE,
    "helm history web": Masking.MESSAGES,
    "helm history web -o yaml": Masking.RELEASE_OBJECT,
    "helm upgrade web ./web -o json": Masking.RELEASE_OBJECT,
    "helm status web -o yaml": Masking.RELEASE_OBJECT,
}
AS_IT_IS = [
    "kubectl get secrets",
    "kubectl get secrets -o wide",
    "kubectl get secret x -o name",
    "kubectl describe secret x",
    "kubectl get pods -o yaml",
    "kubectl get -f pod.yaml -o yaml",
    "kubectl get secret -o yaml --help",
    "kubectl create secret generic x --from-literal=a=b -o yaml --dry-run=client",
    "kubectl diff -f pod.yaml",
    "helm list",
    "kubectl patch cm x -p {}",
    "kubectl delete secret x",
    "helm get metadata web -o json",
    "helm template --help",
    "argocd app manifests web",
    "istioctl proxy-config secret deploy/web -o json",
]


@pytest.mark.parametrize(("text", "shape"), MASKED.items())
def test_what_shows_secrets_as_a_whole_is_masked_but_in_permissive(text: str, shape: Masking) -> None:
    assert masking(text) is shape
    assert masking(text, SecurityMode.PERMISSIVE) is None


@pytest.mark.parametrize("text", AS_IT_IS)
def test_what_shows_no_values_passes_as_it_is(text: str) -> None:
    assert masking(text) is None
