import pytest
from typer.testing import CliRunner

from cli.main import app


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
    ],
)
def test_policy_explain_says_class_decision_and_rule(arguments: list[str], exit_code: int, shown: list[str]) -> None:
    result = CliRunner().invoke(app, ["policy", "explain", *arguments], env={"K8S_MCP_SECURITY_MODE": None})
    assert result.exit_code == exit_code
    for part in shown:
        assert part in result.output


def test_policy_table_lists_verbs_and_rules() -> None:
    output = CliRunner().invoke(app, ["policy", "table"]).output
    assert "kubectl delete: destructive" in output
    assert "kubectl rule mass-deletion (delete): mass" in output
