"""An operator's rules reach the gateways as the file that they are, and a change of them rolls the gateways."""

from pathlib import Path

from gateway.policy import rule_file
from tests.support import own_chart

POLICY = "# Ours.\nnamespaces: [shop]\n\nrules:\n- {name: no-exec, action: deny, verbs: exec, why: 'a: b'}\n"


def test_policy_is_mounted_as_it_was_written(tmp_path: Path) -> None:
    chart = own_chart.render(gateway__policy=POLICY)
    written = tmp_path / "policy.yaml"
    written.write_text(chart.one("ConfigMap", "gateway")["data"]["policy.yaml"])
    [volume] = [volume for volume in chart.pod("gateway")["volumes"] if volume["name"] == "policy"]
    [mount] = [mount for mount in chart.pod("gateway")["containers"][0]["volumeMounts"] if mount["name"] == "policy"]
    assert written.read_text().strip() == POLICY.strip()
    assert rule_file.load(written).rules.namespaces == ("shop",)
    assert volume["configMap"]["name"] == chart.one("ConfigMap", "gateway")["metadata"]["name"]
    assert chart.environment("gateway")["K8S_MCP_SECURITY_CONFIG"] == f"{mount['mountPath']}/policy.yaml"
    assert "policy" not in [volume["name"] for volume in chart.pod("worker")["volumes"]]


def test_changed_policy_rolls_the_gateways() -> None:
    first, second = (own_chart.render(gateway__policy=text) for text in (POLICY, f"{POLICY}# Later.\n"))
    checksums = {
        chart.one("Deployment", "gateway")["spec"]["template"]["metadata"]["annotations"]["checksum/policy"]
        for chart in (first, second)
    }
    assert len(checksums) == 2


def test_without_a_policy_there_is_no_file() -> None:
    chart = own_chart.render()
    assert "K8S_MCP_SECURITY_CONFIG" not in chart.environment("gateway")
    assert "policy" not in [volume["name"] for volume in chart.pod("gateway")["volumes"]]
