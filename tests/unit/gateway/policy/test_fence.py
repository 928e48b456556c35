"""A fence around namespaces: nothing gets out by another spelling or way. The corpus says what stays inside."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.policy import Policy
from gateway.policy.rules import Rules
from shared.command import parser
from shared.errors import RequestError
from shared.settings import SecurityMode
from shared.tools import registry
from tests.support import corpus
from tests.support.corpus import FILES, manifest


def refusal(
    text: str,
    *,
    kubeconfig: str | None = "shop",
    stdin: str | None = None,
    fence: Rules | None = None,
    **fields: Any,
) -> RequestError | None:
    """What is said of a command that `permissive` would run; None where it is let through."""
    tool = registry.find(text.split(maxsplit=1)[0])
    policy = Policy(SecurityMode.PERMISSIVE, fence or Rules.model_validate({"namespaces": corpus.FENCE}))
    try:
        parsed = parser.parse(tool, text, **fields)
        policy.check(tool, parsed, stdin=stdin, files=FILES, kubeconfig_namespace=kubeconfig)
    except RequestError as error:
        return error
    return None


def is_inside(text: str, **request: Any) -> bool:
    """False too for what the parser refuses before."""
    return refusal(text, **request) is None


@pytest.mark.parametrize("kubeconfig", ["kube-system", "", None, "team", "Shop", "team-a\n"])
@pytest.mark.parametrize(
    "text",
    [
        "kubectl get pods",
        "kubectl get pods -n ''",
        "kubectl get pods --namespace=",
        "kubectl apply -f none.json",
        "kubectl events",
        "helm list",
        "helm list -n ''",
        "istioctl proxy-config routes web",
    ],
)
def test_namespace_that_is_not_named_is_the_kubeconfigs(text: str, kubeconfig: str | None) -> None:
    assert is_inside(text, kubeconfig="shop")
    assert not is_inside(text, kubeconfig=kubeconfig)
    assert not is_inside(text, kubeconfig=kubeconfig, default_namespace="shop") or "''" not in text


@pytest.mark.parametrize("text", ["kubectl get pods -n ''", "kubectl get pods --namespace=", "helm list -n ''"])
def test_empty_namespace_is_not_that_of_the_operator(text: str) -> None:
    """For the CLI it is the kubeconfig's, whatever stands in front of it."""
    assert not is_inside(text, kubeconfig="kube-system", default_namespace="shop")
    parsed = parser.parse(registry.find(text.split(maxsplit=1)[0]), text, default_namespace="shop")
    assert not any("shop" in word for word in parsed.arguments)


def test_operators_namespace_goes_before_the_kubeconfigs() -> None:
    assert is_inside("kubectl get pods", kubeconfig="kube-system", default_namespace="shop")
    assert not is_inside("kubectl get pods", kubeconfig="shop", default_namespace="kube-system")
    assert is_inside("kubectl get pods", kubeconfig="kube-system", namespace="shop")
    assert not is_inside("kubectl get pods", kubeconfig="shop", namespace="kube-system")


def items(*texts: str, kind: str = "List", namespace: str | None = None) -> str:
    return json.dumps({**json.loads(manifest(kind, namespace)), "items": [json.loads(text) for text in texts]})


@pytest.mark.parametrize(
    ("stdin", "is_in"),
    [
        (manifest(), True),
        (manifest(namespace="shop"), True),
        (manifest("Deployment", "shop", "apps/v1"), True),
        (manifest("VirtualService", "shop", "networking.istio.io/v1"), True),
        (items(manifest(namespace="shop"), manifest(namespace="team-a")), True),
        (manifest(namespace="kube-system"), False),
        (manifest("Namespace"), False),
        (manifest("ClusterRole", "shop", "rbac.authorization.k8s.io/v1"), False),
        (manifest("Role", "shop", "iam.aws.example/v1"), False),
        (manifest("Widget", "shop", "example.com/v1"), False),
        (manifest("VirtualService", "shop", "example.com/v1"), False),
        (f"{manifest(namespace='shop')}\n---\n{manifest(namespace='kube-system')}", False),
        (items(manifest(namespace="shop"), manifest(namespace="kube-system")), False),
        (items(manifest(namespace="kube-system"), kind="Pod", namespace="shop"), False),
        (items(items(manifest("Namespace")), kind="PodList"), False),
        ('{"kind": "Pod", "items": {}}', False),
        ("kind: Pod\nmetadata: [namespace]", False),
        ("kind: Pod\nmetadata: {namespace: [kube-system]}", False),
        ("kind: Pod\nmetadata: {namespace: true}", False),
        ("kind: Pod\nmetadata: {namespace: ! null}", False),
        ("apiVersion: [v1]\nkind: Pod", False),
        ("metadata: {namespace: shop}", False),
        ("kind: Pod\nmetadata: {namespace: shop, <<: {namespace: kube-system}}", False),
        ("kind: Pod\nmetadata: {namespace: shop}\n<<: {kind: Namespace}", False),
        ("not a manifest", False),
        ("{", False),
        (None, False),
    ],
)
def test_manifest_stays_inside_or_not(stdin: str | None, is_in: bool) -> None:
    for verb in ("apply", "create", "delete", "get", "replace", "diff", "label a=b", "rollout restart"):
        assert is_inside(f"kubectl {verb} -f -", stdin=stdin) is is_in


@pytest.mark.parametrize("word", ["on", "No", "y", "0", "1e3", "12"])
def test_namespace_that_yaml_may_take_for_no_text_counts_as_none_too(word: str) -> None:
    everything = Rules.model_validate({"namespaces": [word.lower()]})
    stdin = f"kind: Pod\nmetadata: {{namespace: {word.lower()}}}"
    assert not is_inside("kubectl apply -f -", stdin=stdin, kubeconfig="kube-system", fence=everything)


def test_objects_with_namespaces_of_their_own_need_none_of_the_kubeconfig() -> None:
    assert is_inside("kubectl apply -f shop.json", kubeconfig="kube-system")
    assert not is_inside("kubectl apply -f shop.json -f none.json", kubeconfig="kube-system")
    assert not is_inside("kubectl delete pod x -f shop.json", kubeconfig="kube-system")


def test_trusted_charts_stay_in_their_releases_namespace() -> None:
    trusting = Rules.model_validate({"namespaces": corpus.FENCE, "trust_charts": True})
    assert is_inside("helm upgrade --install web ./chart -n team-a", fence=trusting)
    assert is_inside("helm uninstall web", fence=trusting)
    for text in ("helm install web ./chart -n x", "helm install web ./chart --create-namespace", "helm list -A"):
        assert not is_inside(text, fence=trusting)
    assert not is_inside("helm uninstall web", kubeconfig="kube-system", fence=trusting)


def test_no_rule_opens_the_fence() -> None:
    opening = Rules.model_validate(
        {"namespaces": corpus.FENCE, "rules": [{"name": "all", "action": "allow", "verbs": "*", "namespaces": "*"}]}
    )
    assert not is_inside("kubectl get pods -n kube-system", fence=opening)
    assert is_inside("kubectl get pods -n shop", fence=opening)


def test_refusal_says_where_commands_may_go_and_nothing_of_the_kubeconfig() -> None:
    tool = registry.find("kubectl")
    policy = Policy(SecurityMode.STRICT, Rules.model_validate({"namespaces": corpus.FENCE}))
    with pytest.raises(RequestError) as refused:
        policy.check(tool, parser.parse(tool, "get po"), stdin=None, files={}, kubeconfig_namespace="canary")
    for part in ("`get` is a read command", "rule fence", "K8S_MCP_SECURITY_CONFIG", "shop, team-*"):
        assert part in refused.value.detail
    assert "canary" not in refused.value.detail


NAMESPACE_FLAGS = ["-n {}", "-n{}", "-n={}", "--namespace {}", "--namespace={}"]
ALL_FLAGS = ["-A", "-A=true", "--all-namespaces", "--all-namespaces=1", "--all_namespaces", "-Ao wide", "-AL a"]
HARMLESS = [
    "-o wide",
    "--v=5",
    "-l app=web",
    "--request-timeout 5s",
    "--show-labels",
    "-o=json",
    "--warnings_as_errors",
]
VERBS = ["get pods", "get deploy/web", "describe svc x", "delete pod x", "wait pod/x", "label pod x a=b"]


@st.composite
def spelled(draw: st.DrawFn, flags: list[str]) -> str:
    """A kubectl command with those flags among others, each before, inside or behind its operands."""
    words = draw(st.sampled_from(VERBS)).split()
    for flag in draw(st.permutations([*flags, *draw(st.lists(st.sampled_from(HARMLESS), max_size=3, unique=True))])):
        words.insert(draw(st.integers(0, len(words))), flag)
    return " ".join(["kubectl", *words])


@given(st.data())
def test_no_spelling_or_order_of_flags_evades_the_fence(data: st.DataObject) -> None:
    shape = st.sampled_from(NAMESPACE_FLAGS)
    outside = data.draw(st.sampled_from(["kube-system", "default", "team", "shopp", "", "''", "x-team-a"]))
    evading = data.draw(shape.map(lambda flag: flag.format(outside)) | st.sampled_from(ALL_FLAGS))
    allowed = data.draw(st.lists(shape.map(lambda flag: flag.format("shop")), max_size=2))
    assert not is_inside(data.draw(spelled([evading, *allowed])), kubeconfig="kube-system")


@given(st.data())
def test_each_spelling_of_a_fenced_namespace_is_inside_or_ambiguous(data: st.DataObject) -> None:
    flag = data.draw(st.sampled_from(NAMESPACE_FLAGS)).format("shop")
    text = " ".join(["kubectl", *data.draw(st.permutations([flag, "-o wide"])), "get pods"])
    if is_inside(text, kubeconfig="kube-system"):
        assert parser.parse(registry.find("kubectl"), text).namespace == "shop"
    assert is_inside(f"kubectl get pods {flag}", kubeconfig="kube-system")


@given(st.text() | st.text("-\nkind:PodmetadatanamespaceshopNS{}[]\"', /v1"))
def test_no_manifest_brings_the_fence_down(stdin: str) -> None:
    is_inside("kubectl apply -f -", stdin=stdin, kubeconfig="kube-system")
