"""A fence around namespaces, as far as the words of a command tell: a help for callers, and no wall."""

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


def refusal(
    text: str, *, kubeconfig: str | None = "shop", fence: Rules | None = None, **fields: Any
) -> RequestError | None:
    """What is said of a command that `permissive` would run; None where it is let through."""
    tool = registry.find(text.split(maxsplit=1)[0])
    policy = Policy(SecurityMode.PERMISSIVE, fence or Rules.model_validate({"namespaces": corpus.FENCE}))
    try:
        policy.check(tool, parser.parse(tool, text, **fields), kubeconfig_namespace=kubeconfig)
    except RequestError as error:
        return error
    return None


def is_let_through(text: str, **request: Any) -> bool:
    """False too for what the parser refuses before."""
    return refusal(text, **request) is None


@pytest.mark.parametrize("kubeconfig", ["kube-system", "", None, "team"])
@pytest.mark.parametrize(
    "text",
    ["kubectl get pods", "kubectl get pods -n ''", "kubectl get pods --namespace=", "helm list", "helm list -n ''"],
)
def test_namespace_that_is_not_named_is_the_kubeconfigs(text: str, kubeconfig: str | None) -> None:
    assert is_let_through(text, kubeconfig="shop")
    assert not is_let_through(text, kubeconfig=kubeconfig)


@pytest.mark.parametrize("text", ["kubectl get pods -n ''", "kubectl get pods --namespace=", "helm list -n ''"])
def test_empty_namespace_is_not_that_of_the_operator(text: str) -> None:
    """For the CLI it is the kubeconfig's, whatever stands in front of it."""
    assert not is_let_through(text, kubeconfig="kube-system", default_namespace="shop")
    parsed = parser.parse(registry.find(text.split(maxsplit=1)[0]), text, default_namespace="shop")
    assert not any("shop" in word for word in parsed.arguments)


def test_operators_namespace_goes_before_the_kubeconfigs() -> None:
    assert is_let_through("kubectl get pods", kubeconfig="kube-system", default_namespace="shop")
    assert not is_let_through("kubectl get pods", kubeconfig="shop", default_namespace="kube-system")
    assert is_let_through("kubectl get pods", kubeconfig="kube-system", namespace="shop")
    assert not is_let_through("kubectl get pods", kubeconfig="shop", namespace="kube-system")


@pytest.mark.parametrize(
    "text",
    [
        "kubectl get nodes",
        "kubectl get ns other",
        "kubectl get widgets -n other",
        "kubectl get gateways -n other",
        "kubectl get pods.metrics.k8s.io -n other",
        "kubectl apply -f - -n other",
        "kubectl get all -n other",
        "kubectl get --raw /x",
        "kubectl api-resources",
        "kubectl auth can-i get pods -n other",
        "helm install web ./chart --create-namespace -n shop",
        "helm template web ./chart -n other",
        "istioctl proxy-config routes web.other",
        "kubectl kustomize .",
        "argocd version --client",
    ],
)
def test_what_words_do_not_tell_is_left_to_the_door(text: str) -> None:
    assert is_let_through(text)


@pytest.mark.parametrize(
    "text",
    ["kubectl get pods -A", "helm list -A", "helm upgrade x ./y -n other", "argocd app list", "kubectl get po,cm -nx"],
)
def test_what_words_tell_is_refused_at_once(text: str) -> None:
    assert not is_let_through(text)


def test_no_rule_opens_the_fence() -> None:
    opening = Rules.model_validate(
        {"namespaces": corpus.FENCE, "rules": [{"name": "all", "action": "allow", "verbs": "*", "namespaces": "*"}]}
    )
    assert not is_let_through("kubectl get pods -n kube-system", fence=opening)
    assert is_let_through("kubectl get pods -n shop", fence=opening)


def test_refusal_says_where_commands_may_go_and_nothing_of_the_kubeconfig() -> None:
    refused = refusal("kubectl get po", kubeconfig="canary")
    assert refused is not None
    for part in ("`get` is a read command", "rule fence", "K8S_MCP_SECURITY_CONFIG", "shop, team-*"):
        assert part in refused.detail
    assert "canary" not in refused.detail


NAMESPACE_FLAGS = ["-n {}", "-n{}", "-n={}", "--namespace {}", "--namespace={}"]
ALL_FLAGS = ["-A", "-A=true", "--all-namespaces", "--all-namespaces=1", "--all_namespaces"]
HARMLESS = [
    "-o wide",
    "--v=5",
    "-l app=web",
    "--request-timeout 5s",
    "--show-labels",
    "-o=json",
    "--warnings_as_errors",
]
VERBS = ["get pods", "get deploy/web", "get svc x", "get po,cm"]


@st.composite
def spelled(draw: st.DrawFn, flags: list[str]) -> str:
    """A kubectl command with those flags among others, each before, inside or behind its operands."""
    words = draw(st.sampled_from(VERBS)).split()
    for flag in draw(st.permutations([*flags, *draw(st.lists(st.sampled_from(HARMLESS), max_size=3, unique=True))])):
        words.insert(draw(st.integers(0, len(words))), flag)
    return " ".join(["kubectl", *words])


@given(st.data())
def test_each_spelling_of_a_fenced_namespace_is_inside_or_ambiguous(data: st.DataObject) -> None:
    flag = data.draw(st.sampled_from(NAMESPACE_FLAGS)).format("shop")
    text = " ".join(["kubectl", *data.draw(st.permutations([flag, "-o wide"])), "get pods"])
    if is_let_through(text, kubeconfig="kube-system"):
        assert parser.parse(registry.find("kubectl"), text).namespace == "shop"
    assert is_let_through(f"kubectl get pods {flag}", kubeconfig="kube-system")


@given(st.data())
def test_spelling_and_order_of_flags_make_no_difference(data: st.DataObject) -> None:
    shape = st.sampled_from(NAMESPACE_FLAGS)
    outside = data.draw(st.sampled_from(["kube-system", "default", "team", "shopp", "x-team-a"]))
    evading = data.draw(shape.map(lambda flag: flag.format(outside)) | st.sampled_from(ALL_FLAGS))
    assert not is_let_through(data.draw(spelled([evading])), kubeconfig="kube-system")
