"""Whether a request may be sent: fence, rules and limit, and their order."""

import pytest

from shared.effects import EffectRule, Effects, Impersonation, Limit, SecretValues
from tests.support import judged
from worker.door.requests.permission import Refusal

SHOP, OTHER = "/api/v1/namespaces/shop", "/api/v1/namespaces/other"
WIDGETS = "/apis/example.com/v1/widgets"
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def _rule(name: str, *, is_allowed: bool = False, **conditions: tuple[str, ...]) -> EffectRule:
    given = EffectRule(name=name, is_allowed=is_allowed, why="so it is")
    return given.model_copy(update=conditions)


def _name(refusal: Refusal | None) -> str:
    return refusal.rule if refusal else ""


@pytest.mark.parametrize(
    ("request_line", "refused_by"),
    [
        (f"GET {SHOP}/pods", ""),
        (f"POST {SHOP}/configmaps?dryRun=All", ""),
        (f"POST {SHOP}/secrets?dryRun=All", ""),
        (f"DELETE {SHOP}/secrets?dryRun=All", Limit.READ),
        (f"POST {REVIEW}", ""),
        (f"GET {SHOP}/pods/a/exec", Limit.READ),
        (f"POST {SHOP}/pods/a/portforward", Limit.READ),
        ("GET /debug/pprof", Limit.READ),
        (f"DELETE {SHOP}/pods/a", Limit.READ),
    ],
)
def test_read_sends_nothing_but_reads(request_line: str, refused_by: str) -> None:
    anything = _rule("anything", is_allowed=True)
    assert _name(judged.refusal(Effects(limit=Limit.READ, rules=(anything,)), request_line)) == refused_by


def test_any_dry_run_is_a_read_where_values_are_shown() -> None:
    shown = Effects(limit=Limit.READ, secrets=SecretValues.SHOWN)
    assert judged.refusal(shown, f"DELETE {SHOP}/secrets?dryRun=All") is None
    assert judged.refusal(shown, f"POST {SHOP}/secrets")


@pytest.mark.parametrize(
    ("limit", "request_line", "is_refused"),
    [
        (Limit.READ_ONLY, f"GET {SHOP}/pods", False),
        (Limit.READ_ONLY, f"PATCH {SHOP}/pods/a?dryRun=All", False),
        (Limit.READ_ONLY, f"PATCH {SHOP}/pods/a", True),
        (Limit.STRICT, f"PATCH {SHOP}/pods/a", False),
        (Limit.STRICT, f"DELETE {SHOP}", True),
        (Limit.PERMISSIVE, f"DELETE {SHOP}", False),
    ],
)
def test_limit_is_that_of_the_mode(limit: Limit, request_line: str, *, is_refused: bool) -> None:
    assert _name(judged.refusal(Effects(limit=limit), request_line)) == (limit if is_refused else "")


@pytest.mark.parametrize(
    ("request_line", "is_refused"),
    [
        (f"GET {SHOP}/pods", False),
        ("DELETE /api/v1/namespaces/shop-1/pods/a", False),
        (f"GET {OTHER}/pods", True),
        ("GET /api/v1/pods", True),
        ("GET /apis/example.com/v1/widgets", True),
        ("GET /api/v1/nodes", False),
        ("GET /api/v1/namespaces/other", False),
        ("GET /apis", False),
        (f"POST {REVIEW}", False),
        (f"PATCH {SHOP}", True),
        (f"DELETE {SHOP}", True),
        ("POST /api/v1/namespaces", True),
        ("POST /api/v1/namespaces?dryRun=All", False),
        ("POST /apis/rbac.authorization.k8s.io/v1/clusterroles", True),
        ("POST /anything", True),
    ],
)
def test_fence_keeps_a_command_in_its_namespaces(request_line: str, *, is_refused: bool) -> None:
    effects = Effects(limit=Limit.PERMISSIVE, fence=("shop", "shop-*"), rules=(_rule("anything", is_allowed=True),))
    assert _name(judged.refusal(effects, request_line)) == ("fence" if is_refused else "")


@pytest.mark.parametrize(
    ("kind_names", "request_line", "is_refused"),
    [
        (("secrets",), f"GET {SHOP}/secrets/a", True),
        (("secrets",), f"POST {SHOP}/secrets", True),
        (("secrets",), f"GET {SHOP}/pods", False),
        (("secrets",), "GET /api/v1", False),
        (("widgets.example.com",), f"GET {WIDGETS}", True),
        (("widgets",), f"GET {WIDGETS}", True),
        (("widget",), f"GET {WIDGETS}", True),
        (("widget.example.com",), f"GET {WIDGETS}", True),
        (("widgets.example.org",), f"GET {WIDGETS}", False),
        (("*",), f"GET {WIDGETS}", True),
    ],
)
def test_rule_on_kinds_denies_requests_for_them(
    kind_names: tuple[str, ...], request_line: str, *, is_refused: bool
) -> None:
    effects = Effects(limit=Limit.PERMISSIVE, rules=(_rule("no", kinds=kind_names),))
    assert _name(judged.refusal(effects, request_line, kind="Widget")) == ("rules/no" if is_refused else "")


@pytest.mark.parametrize(
    ("request_line", "is_refused"),
    [
        (f"GET {SHOP}/pods", True),
        (f"GET {OTHER}/pods", False),
        ("GET /api/v1/pods", True),
        ("GET /api/v1/nodes", False),
        (f"DELETE {SHOP}", True),
        (f"DELETE {OTHER}", False),
    ],
)
def test_rule_on_namespaces_denies_what_reaches_them(request_line: str, *, is_refused: bool) -> None:
    effects = Effects(limit=Limit.PERMISSIVE, rules=(_rule("no", namespaces=("shop",)),))
    assert _name(judged.refusal(effects, request_line)) == ("rules/no" if is_refused else "")


@pytest.mark.parametrize(
    ("namespaces", "request_line", "is_refused"),
    [
        (("shop",), f"DELETE {SHOP}/pods/a", False),
        (("shop",), f"DELETE {SHOP}/services/a", True),
        (("shop",), f"DELETE {OTHER}/pods/a", True),
        (("shop",), "DELETE /api/v1/pods", True),
        (("*",), "DELETE /api/v1/pods", False),
    ],
)
def test_rule_that_allows_overrides_the_mode_for_what_it_names(
    namespaces: tuple[str, ...], request_line: str, *, is_refused: bool
) -> None:
    allowing = _rule("pods", is_allowed=True, kinds=("pods",), namespaces=namespaces)
    effects = Effects(limit=Limit.READ_ONLY, rules=(allowing,))
    assert _name(judged.refusal(effects, request_line)) == ("read-only" if is_refused else "")


def test_rule_that_denies_wins_wherever_it_stands() -> None:
    rules = (_rule("yes", is_allowed=True), _rule("no", kinds=("pods",)))
    assert _name(judged.refusal(Effects(limit=Limit.PERMISSIVE, rules=rules), f"DELETE {SHOP}/pods/a")) == "rules/no"


def test_rule_for_a_cli_without_kinds_guards_what_it_changes() -> None:
    rule = _rule("no", kinds=("secrets",)).model_copy(update={"guards_changes_only": True})
    effects = Effects(limit=Limit.PERMISSIVE, rules=(rule,), makes_credentials=True)
    assert judged.refusal(effects, f"GET {SHOP}/secrets") is None
    assert judged.refusal(effects, f"POST {SHOP}/secrets", is_release=True) is None
    assert _name(judged.refusal(effects, f"POST {SHOP}/secrets")) == "rules/no"


def test_rule_that_allows_something_else_makes_no_credentials() -> None:
    request = f"POST {SHOP}/serviceaccounts/a/token"
    rules = (_rule("accounts", is_allowed=True, kinds=("serviceaccounts",)),)
    for limit in (Limit.READ_ONLY, Limit.STRICT, Limit.PERMISSIVE):
        effects = Effects(limit=limit, rules=rules)
        assert judged.refusal(effects, request)
        assert judged.refusal(effects.model_copy(update={"makes_credentials": True}), request) is None


def test_another_identity_asks_only_about_its_rights() -> None:
    asking = Impersonation(user="jane")
    rules = (_rule("yes", is_allowed=True),)
    limited = Effects(limit=Limit.PERMISSIVE, rules=rules, impersonation=asking)
    assert judged.refusal(limited, f"POST {REVIEW}") is None
    assert judged.refusal(limited, "GET /apis") is None
    assert _name(judged.refusal(limited, f"GET {SHOP}/pods")) == "identity"
    free = limited.model_copy(update={"impersonation": asking.model_copy(update={"in_reviews_only": False})})
    assert judged.refusal(free, f"GET {SHOP}/pods") is None


def test_refusal_names_request_rule_and_way_out() -> None:
    found = judged.refusal(Effects(limit=Limit.STRICT), f"DELETE {SHOP}/persistentvolumeclaims/data")
    assert found is not None
    assert found.text == (
        "delete persistentvolumeclaims data in the namespace shop: the rule strict refuses it (K8S_MCP_SECURITY_MODE): "
        "it does not allow deleting PersistentVolumeClaims. Allowed instead: changes of single objects that can be "
        "undone."
    )
