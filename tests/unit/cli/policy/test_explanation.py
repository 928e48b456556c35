from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app

RULES = """
namespaces: shop
rules:
- {name: no-exec, action: deny, verbs: exec, why: use logs}
- {name: cleaning, action: allow, verbs: delete, kinds: po}
"""
UNSET = dict.fromkeys(("K8S_MCP_SECURITY_MODE", "K8S_MCP_SECURITY_CONFIG", "K8S_NAMESPACE"))


def invoked(*arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(app, ["policy", *arguments], env={**UNSET, **variables})


@pytest.mark.parametrize(
    ("arguments", "exit_code", "shown"),
    [
        (["kubectl delete ns x"], 1, ["class     destructive", "denied", "deletion-beyond-a-namespace"]),
        (["kubectl delete ns x", "--mode", "permissive"], 0, ["allowed", "rule      permissive/destructive"]),
        (["kubectl get pods", "--mode", "read-only"], 0, ["class     read", "rule      read-only/read"]),
        (["kubectl get secret x -o yaml"], 0, ["class     read", "output    values of Secrets are masked"]),
        (["kubectl gte pods"], 1, ["verb-unknown", "`get`"]),
        (["kubectl cp a b"], 1, ["refused in every mode", "command-refused"]),
        (["terraform apply"], 1, ["tool-unknown"]),
        (["  "], 1, ["tool-unknown"]),
        (["kubectl get pods", "--mode", "lax"], 78, ["read-only, strict, permissive"]),
        (["kubectl", "get", "po", "-nx", "-owide"], 0, ["verb      kubectl get", "requests  only those that change"]),
        (["kubectl", "delete", "ns", "x", "--mode=permissive"], 0, ["allowed", "requests  all"]),
        (["helm upgrade x ./y"], 0, ["requests  all that `strict` allows"]),
    ],
)
def test_policy_explain_says_class_decision_and_rule(arguments: list[str], exit_code: int, shown: list[str]) -> None:
    result = invoked("explain", *arguments)
    assert result.exit_code == exit_code
    for part in shown:
        assert part in result.output


@pytest.mark.parametrize("by_variable", [True, False])
def test_policy_explain_shows_the_operators_rule_that_decides(tmp_path: Path, by_variable: bool) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(RULES)
    given = [] if by_variable else ["--config", str(file)]
    variables = {"K8S_MCP_SECURITY_CONFIG": str(file)} if by_variable else {}
    denied = invoked("explain", "kubectl get pods -A", *given, **variables)
    assert (denied.exit_code, "rule      fence: `--all-namespaces` reaches every" in denied.output) == (1, True)
    denied = invoked("explain", "kubectl", "exec", "p", "-nshop", *given, **variables)
    assert (denied.exit_code, "rule      rules/no-exec: use logs" in denied.output) == (1, True)
    allowed = invoked("explain", "kubectl delete pods --all", *given, K8S_NAMESPACE="shop", **variables)
    assert (allowed.exit_code, "rule      rules/cleaning: it allows" in allowed.output) == (0, True)
    for line in ("the rule cleaning allows pods", "only in the namespaces shop"):
        assert f"requests  {line}" in allowed.output


def test_policy_check_says_what_a_file_says_or_where_it_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(RULES)
    good = invoked("check", str(file))
    assert good.exit_code == 0
    assert good.output.splitlines() == [
        "fence     shop",
        "deny      no-exec: verbs exec",
        "allow     cleaning: verbs delete; kinds pods",
    ]
    file.write_text("rule: []")
    bad = invoked("check", str(file))
    assert (bad.exit_code, f"{file}: line 1: rule:" in bad.output) == (78, True)


def test_policy_table_lists_verbs_and_rules() -> None:
    output = CliRunner().invoke(app, ["policy", "table"]).output
    assert "kubectl delete: destructive" in output
    assert "kubectl rule mass-deletion (delete): mass" in output
