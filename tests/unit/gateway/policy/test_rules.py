"""Which rule decides, and what it then says: through the parser and the policy, as a gateway does it."""

from typing import Any

import pytest

from gateway.policy.policy import Policy
from gateway.policy.rules import Rules
from shared.command import parser
from shared.errors import ErrorCode, RequestError
from shared.settings import SecurityMode
from shared.tools import registry

READ_ONLY, STRICT, PERMISSIVE = SecurityMode.READ_ONLY, SecurityMode.STRICT, SecurityMode.PERMISSIVE


def rules(*rows: dict[str, Any], **file: Any) -> Rules:
    return Rules.model_validate({"rules": [{"name": f"r{number}", **row} for number, row in enumerate(rows)], **file})


def allow(**conditions: Any) -> dict[str, Any]:
    return {"action": "allow", **conditions}


def deny(**conditions: Any) -> dict[str, Any]:
    return {"action": "deny", **conditions}


def decision(text: str, given: Rules, mode: SecurityMode = STRICT) -> tuple[bool, str]:
    tool = registry.find(text.split(maxsplit=1)[0])
    found = Policy(mode, given).judge(tool, parser.parse(tool, text), kubeconfig_namespace="default").decision
    return found.is_allowed, found.rule


@pytest.mark.parametrize(
    ("row", "fitting", "others"),
    [
        ({"tools": "helm"}, ["helm list", "helm get values x"], ["kubectl get pods"]),
        ({"tools": ["helm", "argocd"]}, ["argocd app list"], ["istioctl version"]),
        ({"verbs": "exec"}, ["kubectl -n x exec p -- ls", "kubectl exec -nx p -- ls"], ["kubectl get pods exec"]),
        ({"verbs": "create secret"}, ["kubectl create secret generic x"], ["kubectl create configmap secret"]),
        ({"verbs": "rollout *"}, ["kubectl rollout undo deploy/x"], ["kubectl scale deploy/x --replicas=0"]),
        ({"verbs": "*"}, ["kubectl get pods", "helm list"], []),
        ({"classes": ["write"]}, ["kubectl apply -f -"], ["kubectl apply -f - --dry-run=server"]),
        ({"kinds": "deploy"}, ["kubectl get deployments.v1.apps", "kubectl get po,deployment"], ["kubectl get po"]),
        ({"kinds": "*s"}, ["kubectl get widgets"], ["helm list"]),
        ({"kinds": "secrets"}, ["kubectl get secret x"], ["kubectl get all", "kubectl get -k .", "kubectl get cm"]),
        ({"kinds": "pods"}, ["kubectl exec deploy/x -- ls", "kubectl logs job/x"], ["kubectl get deploy"]),
        (
            {"kinds": "svc"},
            ["kubectl expose deploy x", "kubectl run x --image=y --expose"],
            ["kubectl run x --image=y"],
        ),
        ({"kinds": "hpa"}, ["kubectl autoscale deploy x --max=2"], ["kubectl scale deploy x --replicas=2"]),
        ({"kinds": "sa"}, ["kubectl create token x"], ["kubectl create secret tls x"]),
        ({"namespaces": "kube-*"}, ["kubectl get pods -n kube-system"], ["kubectl get pods", "kubectl version"]),
        ({"namespaces": "kube-*"}, ["kubectl get pods -A", "argocd app list"], ["helm env", "kubectl get nodes"]),
        ({"flags": "force"}, ["kubectl delete pod x --force", "kubectl delete pod x --force=1"], ["kubectl get po"]),
        ({"flags": "--force"}, ["helm upgrade x y --force"], ["kubectl delete pod x --force=false"]),
        ({"flags": ["all", "selector"]}, ["kubectl delete pod -l a=b", "kubectl delete pod -la"], []),
        ({"verbs": "delete", "kinds": "pods"}, ["kubectl delete po x"], ["kubectl delete cm x", "kubectl get po"]),
    ],
)
def test_deny_rule_speaks_of(row: dict[str, Any], fitting: list[str], others: list[str]) -> None:
    given = rules(deny(**row))
    for text in fitting:
        assert decision(text, given, PERMISSIVE) == (False, "rules/r0"), text
    for text in others:
        assert decision(text, given, PERMISSIVE)[0], text


@pytest.mark.parametrize(
    ("row", "fitting", "others"),
    [
        ({"verbs": "delete", "kinds": "namespaces"}, ["kubectl delete ns x", "kubectl delete ns x node/y"], []),
        (
            {"verbs": "delete", "namespaces": "team-*"},
            ["kubectl delete pods --all -n team-a", "kubectl delete pods --all -n other"],
            ["kubectl create token x"],
        ),
        ({"flags": "all"}, ["kubectl delete pods --all"], ["kubectl delete pods -l a"]),
        ({"verbs": "create"}, [], ["kubectl create token x"]),
        ({"verbs": "create", "classes": "credential"}, ["kubectl create token x"], ["kubectl create cm x"]),
        ({"kinds": "*"}, [], ["helm list", "argocd app delete x"]),
    ],
)
def test_allow_rule_loosens_the_mode_for(row: dict[str, Any], fitting: list[str], others: list[str]) -> None:
    """Whether the requests are those of the rule is judged at the door."""
    given = rules(allow(**row))
    for text in fitting:
        assert decision(text, rules()) != (True, "rules/r0")
        assert decision(text, given) == (True, "rules/r0"), text
    for text in others:
        assert decision(text, given)[1] != "rules/r0", text


def test_deny_goes_before_allow_whatever_their_order() -> None:
    rows = [allow(verbs="delete"), deny(kinds="pods")]
    for given in (rules(*rows), rules(*reversed(rows))):
        assert not decision("kubectl delete pod x", given)[0]
        assert decision("kubectl delete pvc x", given)[0]


def test_what_no_rule_speaks_of_is_the_modes() -> None:
    given = rules(allow(verbs="scale"))
    assert decision("kubectl scale deploy/x --replicas=2", given, READ_ONLY) == (True, "rules/r0")
    assert decision("kubectl delete pod x", given, READ_ONLY) == (False, "read-only/destructive")


def test_word_that_nobody_knows_is_refused_in_strict_whatever_the_rules_say() -> None:
    tool = registry.find("kubectl")
    policy = Policy(STRICT, rules(allow(tools="kubectl")))
    with pytest.raises(RequestError) as refused:
        policy.check(tool, parser.parse(tool, "foo"), kubeconfig_namespace="default")
    assert refused.value.code is ErrorCode.VERB_UNKNOWN


def refusal(given: Rules, text: str) -> str:
    tool = registry.find("kubectl")
    with pytest.raises(RequestError) as refused:
        Policy(STRICT, given).check(tool, parser.parse(tool, text), kubeconfig_namespace="default")
    assert refused.value.code is ErrorCode.POLICY_DENIED
    return refused.value.detail


def test_refusal_names_rule_class_and_what_is_allowed() -> None:
    said = rules(deny(verbs="exec", why="pods are read by their logs", instead="kubectl logs"))
    silent = rules(deny(verbs="exec"))
    for part in ("`exec` is a write command", "rule rules/r0 denies", "K8S_MCP_SECURITY_CONFIG", "by their logs"):
        assert part in refusal(said, "exec p -- ls")
    assert "Allowed instead: kubectl logs." in refusal(said, "exec p -- ls")
    assert "Allowed instead: commands that this rule does not match (verbs exec)." in refusal(silent, "exec p -- ls")


@pytest.mark.parametrize("mode", SecurityMode)
def test_only_read_only_mode_without_allow_rules_promises_to_change_nothing(mode: SecurityMode) -> None:
    is_read_only = mode is READ_ONLY
    assert Policy(mode, rules(deny(verbs="get"))).only_reads is is_read_only
    assert not Policy(mode, rules(allow(verbs="scale"))).only_reads
