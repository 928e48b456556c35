"""What a refusal says, and what is sealed with a command for the judgement of its requests."""

from typing import Any

import pytest

from gateway.policy.policy import Judgement, Policy
from gateway.policy.rules import Rules
from shared.command import parser
from shared.effects import Effects, Impersonation, Limit
from shared.errors import ErrorCode, RequestError
from shared.settings import SecurityMode
from shared.tools import registry

READ_ONLY, STRICT, PERMISSIVE = SecurityMode.READ_ONLY, SecurityMode.STRICT, SecurityMode.PERMISSIVE


def judged(text: str, mode: SecurityMode, *rows: dict[str, Any], early: bool = True, **file: Any) -> Judgement:
    """The judgement of what may run."""
    tool = registry.find(text.split(maxsplit=1)[0])
    rules = Rules.model_validate({"rules": [{"name": f"r{number}", **row} for number, row in enumerate(rows)], **file})
    policy = Policy(mode, rules, refuses_early=early)
    return policy.check(tool, parser.parse(tool, text), kubeconfig_namespace="default")


def effects(text: str, mode: SecurityMode, *rows: dict[str, Any], **file: Any) -> Effects:
    return judged(text, mode, *rows, **file).effects


def refusal(text: str, mode: SecurityMode, *rows: dict[str, Any], **file: Any) -> RequestError:
    with pytest.raises(RequestError) as denied:
        judged(text, mode, *rows, **file)
    return denied.value


def test_refusal_names_rule_class_and_what_is_allowed() -> None:
    said = refusal("kubectl delete ns x", STRICT)
    assert said.code is ErrorCode.POLICY_DENIED
    for part in ("strict/destructive/deletion-beyond-a-namespace", "destructive command", "Allowed instead"):
        assert part in said.detail


@pytest.mark.parametrize(
    ("text", "mode", "limit"),
    [
        ("kubectl get pods", READ_ONLY, Limit.READ),
        ("kubectl get pods", PERMISSIVE, Limit.READ),
        ("kubectl apply -f - --dry-run=server", PERMISSIVE, Limit.READ),
        ("kubectl apply -f -", STRICT, Limit.STRICT),
        ("helm upgrade x ./y", STRICT, Limit.STRICT),
        ("helm upgrade x ./y", PERMISSIVE, Limit.PERMISSIVE),
        ("kubectl create token x", PERMISSIVE, Limit.PERMISSIVE),
        ("kubectl kustomize .", PERMISSIVE, Limit.READ),
    ],
)
def test_limit_is_that_of_the_class_and_the_mode(text: str, mode: SecurityMode, limit: Limit) -> None:
    assert effects(text, mode).limit is limit


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        ({"verbs": "delete"}, Limit.PERMISSIVE),
        ({"verbs": "delete", "kinds": "pods"}, Limit.READ_ONLY),
        ({"verbs": "delete", "namespaces": "default"}, Limit.READ_ONLY),
    ],
)
def test_rule_that_allows_gives_the_limit(row: dict[str, Any], limit: Limit) -> None:
    found = effects("kubectl delete pods x", READ_ONLY, {"action": "allow", **row})
    assert found.limit is limit
    assert len(found.rules) == (limit is Limit.READ_ONLY)


def test_rule_on_objects_leaves_the_rest_to_the_mode() -> None:
    found = effects("kubectl apply -f -", STRICT, {"action": "allow", "kinds": "namespaces"})
    assert (found.limit, [rule.name for rule in found.rules]) == (Limit.STRICT, ["r0"])


def test_only_rules_that_speak_of_the_command_are_sealed() -> None:
    rows = (
        {"action": "deny", "verbs": "exec", "kinds": "pods"},
        {"action": "deny", "kinds": "secrets", "instead": "configmaps"},
        {"action": "deny", "tools": "helm", "namespaces": "x"},
    )
    [rule] = effects("kubectl apply -f -", STRICT, *rows).rules
    assert (rule.name, rule.kinds, rule.is_allowed, rule.guards_changes_only) == ("r1", ("secrets",), False, False)
    assert (rule.why, rule.instead) == ("it denies such commands (kinds secrets)", "configmaps")


def test_kind_keeps_the_group_that_is_written_with_it() -> None:
    row = {"action": "deny", "kinds": ["deploy.v1.apps", "Widgets.example.com", "po", "secrets.v1"]}
    [rule] = effects("kubectl apply -f -", STRICT, row).rules
    assert rule.kinds == ("deployments.apps", "widgets.example.com", "pods", "secrets")


def test_rule_on_kinds_guards_what_helm_changes_and_allows_it_nothing() -> None:
    rows = ({"action": "deny", "kinds": "secrets"}, {"action": "allow", "kinds": "configmaps"})
    [rule] = effects("helm upgrade x ./y", STRICT, *rows).rules
    assert (rule.name, rule.guards_changes_only) == ("r0", True)
    assert refusal("helm upgrade x ./y", READ_ONLY, *rows).code is ErrorCode.POLICY_DENIED


def test_chart_may_be_allowed_in_some_namespaces() -> None:
    row = {"action": "allow", "tools": "helm", "namespaces": "default"}
    assert effects("helm upgrade x ./y", READ_ONLY, row).limit is Limit.READ_ONLY


@pytest.mark.parametrize(
    ("row", "shows"),
    [
        ({"verbs": "get", "kinds": "secrets", "secrets": "shown"}, True),
        ({"verbs": "get", "kinds": "secrets"}, False),
        ({"verbs": "get", "kinds": "secrets", "classes": "credential"}, True),
        ({"verbs": "get", "kinds": "secrets", "classes": "credential", "secrets": "masked"}, None),
        ({"verbs": "describe", "kinds": "secrets", "secrets": "shown"}, None),
    ],
)
def test_rule_shows_values_of_the_secrets_that_it_names(row: dict[str, Any], *, shows: bool | None) -> None:
    found = effects("kubectl get secrets", STRICT, {"action": "allow", **row}).rules
    assert [rule.shows_secrets for rule in found] == ([] if shows is None else [shows])


@pytest.mark.parametrize(
    ("row", "makes"),
    [({"verbs": "create"}, False), ({"classes": "write"}, False), ({"classes": ["write", "credential"]}, True)],
)
def test_only_a_rule_for_credentials_lets_them_be_made(row: dict[str, Any], *, makes: bool) -> None:
    text = "kubectl create --raw /api/v1/namespaces/shop/serviceaccounts/a/%74oken -f -"
    assert effects(text, STRICT, {"action": "allow", **row}).makes_credentials is makes
    assert effects(text, PERMISSIVE).makes_credentials


@pytest.mark.parametrize("kind", ["pods/exec", "secret/x", "all"])
def test_kind_that_no_request_has_is_not_valid(kind: str) -> None:
    with pytest.raises(ValueError, match="is no kind"):
        effects("kubectl get pods", STRICT, {"action": "deny", "kinds": kind})


@pytest.mark.parametrize("command", ["argocd app get x --hard-refresh", "argocd app diff x --refresh"])
def test_refreshing_an_application_is_a_write(command: str) -> None:
    assert refusal(command, READ_ONLY).code is ErrorCode.POLICY_DENIED


def test_what_the_door_refuses_too_is_left_to_it_without_early_refusals() -> None:
    commands = ("kubectl delete ns x", "kubectl delete pvc x", "kubectl taint node x a=b:NoExecute")
    for text in commands:
        assert judged(text, STRICT, early=False).effects.limit is Limit.STRICT
        refusal(text, STRICT)
    for text in ("kubectl delete pods --all", "kubectl drain x", "kubectl create token x"):
        refusal(text, STRICT, early=False)
    fenced = judged("kubectl get pods -n other", PERMISSIVE, early=False, namespaces="shop")
    assert fenced.effects.fence == ("shop",)
    row = {"action": "deny", "kinds": "pods"}
    assert judged("kubectl get pods", PERMISSIVE, row, early=False).effects.rules


@pytest.mark.parametrize("mode", SecurityMode)
@pytest.mark.parametrize("text", ["kubectl auth can-i get pods --as=jane", "kubectl auth whoami --as=jane"])
def test_rights_of_another_identity_may_be_asked_for_in_every_mode(text: str, mode: SecurityMode) -> None:
    found = effects(text, mode)
    assert found.impersonation == Impersonation(user="jane", in_reviews_only=mode is not PERMISSIVE)


def test_another_identity_needs_permissive_or_a_rule_on_its_flag() -> None:
    text = "kubectl get pods --as=jane --as-group=a --as-group b,c --as-uid=7 --as-user-extra=team=x=y"
    assert "strict/identity" in refusal(text, STRICT).detail
    assert "strict/identity" in refusal(text, STRICT, {"action": "allow", "verbs": "get"}).detail
    jane = Impersonation(user="jane", groups=("a", "b,c"), uid="7", extra=(("team", "x=y"),), in_reviews_only=False)
    assert effects(text, PERMISSIVE).impersonation == jane
    assert effects(text, STRICT, {"action": "allow", "verbs": "get", "flags": "as"}).impersonation == jane
    helm = effects("helm list --kube-as-user jane --kube-as-group=dev", PERMISSIVE).impersonation
    assert helm == Impersonation(user="jane", groups=("dev",), in_reviews_only=False)


def test_name_of_an_identity_is_text() -> None:
    assert refusal("kubectl get pods '--as=a\tb'", PERMISSIVE).code is ErrorCode.FLAG_REFUSED


def test_core_of_argo_cd_is_a_write() -> None:
    assert refusal("argocd app list --core", READ_ONLY).code is ErrorCode.POLICY_DENIED
    assert effects("argocd app list --core", STRICT).limit is Limit.STRICT


def test_only_reads_of_istio_open_tunnels() -> None:
    assert effects("istioctl proxy-status", STRICT).tunnels
    assert not effects("kubectl get pods", STRICT).tunnels
    assert not effects("istioctl install -y", STRICT).tunnels
