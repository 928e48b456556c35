"""What each mode lets run: the rows of a security review, hostile and honest, through the parser and the policy."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.policy import Policy
from shared.command import parser
from shared.errors import ErrorCode, RequestError
from shared.models import CommandClass
from shared.settings import SecurityMode
from shared.tools import registry

READ_ONLY, STRICT, PERMISSIVE = SecurityMode.READ_ONLY, SecurityMode.STRICT, SecurityMode.PERMISSIVE
FILES = {
    "pod.yaml": "kind: Pod\nmetadata: {name: a}\n",
    "two.yaml": "kind: Pod\n---\napiVersion: v1\nkind: Namespace\n",
    "list.json": json.dumps({"kind": "List", "items": [{"kind": "Pod"}, {"kind": "ClusterRole"}]}),
    "secret.yaml": "kind: Secret\nmetadata: {name: a}\n",
    "glued.yaml": 'kind: Pod\na: "\n---b\n kind: Namespace"\n',
    "broken.yaml": "kind: [",
    "items.json": json.dumps({"kind": "Pod", "items": [{"kind": "Namespace"}]}),
    "merge.yaml": "kind: Pod\n<<: {kind: Namespace}\n",
    "pod.yaml,two.yaml": "kind: Namespace\n",
    '"pod.yaml': "kind: Pod\n",
    'two.yaml"': "kind: Pod\n",
    "folder/pod.yaml": "kind: Pod\n",
    "folder/ns.yaml": "kind: Namespace\n",
}


def judge(text: str, mode: SecurityMode, stdin: str | None = None) -> ErrorCode | CommandClass:
    """The refusal's code, or the class of what may run."""
    tool = registry.find(text.split(maxsplit=1)[0])
    try:
        return (
            Policy(mode)
            .check(tool, parser.parse(tool, text), stdin=stdin, files=FILES, kubeconfig_namespace="default")
            .command_class
        )
    except RequestError as error:
        return error.code


EACH_MODE = {
    "kubectl get pods; id": ErrorCode.COMMAND_SHELL_SYNTAX,
    "kubectl get pods && id": ErrorCode.COMMAND_SHELL_SYNTAX,
    "kubectl get pods $(id)": ErrorCode.COMMAND_SHELL_SYNTAX,
    "kubectl get pods `id`": ErrorCode.COMMAND_SHELL_SYNTAX,
    "kubectl get pods > /tmp/x": ErrorCode.COMMAND_SHELL_SYNTAX,
    "kubectl get pods | sh": ErrorCode.COMMAND_PIPELINE,
    "kubectl get pods | sort --compress-program=sh": ErrorCode.FLAG_REFUSED,
    "kubectl get pods | sort -o /x": ErrorCode.FLAG_REFUSED,
    "kubectl apply -f /etc/passwd": ErrorCode.COMMAND_REFUSED,
    "kubectl apply -f http://169.254.169.254/x": ErrorCode.COMMAND_REFUSED,
    "kubectl --kubeconfig=/root/.kube/config get secrets": ErrorCode.FLAG_REFUSED,
    "kubectl get pods --as=admin": ErrorCode.FLAG_REFUSED,
    "kubectl get pods -s https://x": ErrorCode.FLAG_REFUSED,
    "kubectl cp x:/a /b": ErrorCode.COMMAND_REFUSED,
    "kubectl plugin list": ErrorCode.COMMAND_REFUSED,
    "kubectl get pods --cache-dir=/etc": ErrorCode.FLAG_REFUSED,
    "kubectl edit cm/x": ErrorCode.COMMAND_REFUSED,
    "kubectl exec -it p -- sh": ErrorCode.FLAG_REFUSED,
    "kubectl port-forward p 80": ErrorCode.COMMAND_REFUSED,
    "helm install x y --post-renderer ./z": ErrorCode.FLAG_REFUSED,
    "helm plugin install https://x": ErrorCode.COMMAND_REFUSED,
    "helm template . --set-file k=/etc/shadow": ErrorCode.COMMAND_REFUSED,
    "helm pull oci://x/y -d /": ErrorCode.COMMAND_REFUSED,
    "istioctl dashboard kiali": ErrorCode.COMMAND_REFUSED,
    "istioctl install -f /x": ErrorCode.COMMAND_REFUSED,
    "argocd login --core x": ErrorCode.COMMAND_REFUSED,
    "argocd admin export": ErrorCode.COMMAND_REFUSED,
    "argocd app sync x --local /": ErrorCode.FLAG_REFUSED,
}


@pytest.mark.parametrize("mode", SecurityMode)
@pytest.mark.parametrize(("text", "code"), EACH_MODE.items())
def test_containment_holds_in_each_mode(text: str, code: ErrorCode, mode: SecurityMode) -> None:
    assert judge(text, mode) is code


DENIED_IN_STRICT = [
    "kubectl -n x delete ns y",
    "kubectl --namespace=x delete --all pods",
    "kubectl delete -n x --all=true pods",
    "kubectl delete pods -l '!nothing' -n x",
    "kubectl delete pods -A",
    "kubectl delete pvc x",
    "kubectl delete widget x",
    "kubectl delete -f two.yaml",
    "kubectl delete -f pod.yaml,two.yaml",
    "kubectl delete -f list.json",
    "kubectl delete -f glued.yaml",
    "kubectl delete -f broken.yaml",
    "kubectl delete -f items.json",
    "kubectl delete -f merge.yaml",
    "kubectl delete -f '\"pod.yaml,two.yaml\"'",
    "kubectl delete -f folder",
    "kubectl delete -f './folder/'",
    "kubectl delete -f '*.yaml'",
    "kubectl delete -f -",
    "kubectl delete -k .",
    "kubectl replace --force -f folder/ns.yaml",
    "kubectl replace -f two.yaml --force",
    "kubectl replace --force -k .",
    "kubectl apply --force -f folder/ns.yaml",
    "kubectl drain node1",
    "kubectl create token x",
    "kubectl get secret x -o jsonpath={.data}",
    "kubectl get -f secret.yaml -o go-template={{.data}}",
    "kubectl get -f 'secret.*' -o custom-columns=A:.data",
    "kubectl config view --raw",
    "helm uninstall x --what-is-this",
    "istioctl uninstall --purge -y",
    "argocd appset delete x",
    "argocd account generate-token",
]


@pytest.mark.parametrize("text", DENIED_IN_STRICT)
def test_strict_denies_mass_deletion_cluster_scope_and_credentials(text: str) -> None:
    assert judge(text, STRICT) in (ErrorCode.POLICY_DENIED, ErrorCode.FLAG_UNKNOWN)
    assert judge(text, READ_ONLY) is ErrorCode.POLICY_DENIED
    assert isinstance(judge(text, PERMISSIVE), CommandClass)


HONEST = [
    "kubectl get pods -l 'app in (a,b)'",
    "kubectl get pods -o jsonpath='{.items[*].metadata.name}'",
    "kubectl get pods -o custom-columns=N:.metadata.name",
    """kubectl patch deploy x -p '{"spec":{"replicas":2}}'""",
    'kubectl label pod x note="a; b && c"',
    "kubectl annotate pod x k='$HOME'",
    "kubectl set image deploy/x c=repo/img:1@sha256:0123",
    "kubectl create cm x --from-literal='a=b|c'",
    "kubectl apply -f -",
    "kubectl apply -f pod.yaml",
    "kubectl diff -f -",
    "kubectl exec p -- ls /",
    "kubectl logs p --tail=20",
    "kubectl rollout status deploy/x --timeout=60s",
    "kubectl delete pod x",
    "kubectl delete -f pod.yaml",
    "kubectl replace --force -f pod.yaml",
    "kubectl replace -f folder/ns.yaml",
    "kubectl get secrets -A",
    "kubectl get secrets -A -o yaml",
    "kubectl get cm,secret -o json | jq .items",
    "kubectl get pods -o json | jq -r '.items[].metadata.name' | sort | head -5",
    "helm upgrade --install x oci://r.example/c --wait --timeout 10m -f values.yaml",
    "helm template x ./chart",
    "helm repo add x https://charts.example",
    "helm uninstall x",
    "istioctl analyze -n x",
    "argocd app list",
    "argocd app delete x --yes",
]


@pytest.mark.parametrize("text", HONEST)
def test_honest_command_runs_in_strict_and_permissive(text: str) -> None:
    assert isinstance(judge(text, STRICT, stdin=FILES["pod.yaml"]), CommandClass)
    assert isinstance(judge(text, PERMISSIVE, stdin=FILES["pod.yaml"]), CommandClass)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("kubectl foo", ErrorCode.VERB_UNKNOWN),
        ("kubectl GET pods", ErrorCode.VERB_UNKNOWN),
        ("kubectl rollout foo", ErrorCode.VERB_UNKNOWN),
        ("kubectl get pods --ouptut=json", ErrorCode.FLAG_UNKNOWN),
    ],
)
def test_unknown_word_is_refused_in_strict_and_a_write_elsewhere(text: str, code: ErrorCode) -> None:
    assert judge(text, STRICT) is code
    assert judge(text, READ_ONLY) is ErrorCode.POLICY_DENIED
    assert judge(text, PERMISSIVE) is CommandClass.WRITE


def test_refusal_names_rule_class_and_what_is_allowed() -> None:
    tool = registry.find("kubectl")
    with pytest.raises(RequestError) as denied:
        Policy(STRICT).check(tool, parser.parse(tool, "delete ns x"), stdin=None, files={}, kubeconfig_namespace=None)
    for part in ("strict/destructive/deletion-beyond-a-namespace", "destructive command", "Allowed instead"):
        assert part in denied.value.detail


def test_manifest_in_stdin_counts() -> None:
    assert judge("kubectl delete -f -", STRICT, stdin="kind: Pod\n") is CommandClass.DESTRUCTIVE
    assert judge("kubectl delete -f -", STRICT, stdin="kind: Namespace\n") is ErrorCode.POLICY_DENIED


@given(st.text() | st.text("-\nkind:Podamespc{}[]\"' "))
def test_no_manifest_brings_the_policy_down(stdin: str) -> None:
    assert judge("kubectl delete -f -", STRICT, stdin=stdin) in (ErrorCode.POLICY_DENIED, CommandClass.DESTRUCTIVE)
