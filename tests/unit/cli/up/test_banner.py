import dataclasses
import json

import pytest

from cli.up import banner
from cli.up.banner import BannerFacts
from shared.tools import registry

READY = BannerFacts(
    version="1.2.3",
    program="/clone/.venv/bin/mcp-k8s",
    url="http://127.0.0.1:9096",
    tools=registry.tools(),
    versions={"kubectl": "v1.37.1"},
    landlock_abi=7,
    has_default_kubeconfig=False,
)


def test_it_tells_url_tools_and_how_to_get_missing_ones() -> None:
    text = banner.render(READY)

    assert "ready at http://127.0.0.1:9096" in text
    assert "kubectl   v1.37.1" in text
    assert f"helm      missing: {registry.find('helm').install_hint}" in text


def test_cli_that_is_too_old_is_shown_with_what_does_not_work() -> None:
    text = banner.render(dataclasses.replace(READY, versions={"kubectl": "1.32.4"}))

    assert f"kubectl   1.32.4, {registry.find('kubectl').age_problem('1.32.4')}; get it from" in text


def test_a_clouds_users_are_told_of_the_command_that_renews_a_token() -> None:
    assert "/clone/.venv/bin/mcp-k8s mcp-stdio --url http://127.0.0.1:9096" in banner.render(READY)


def test_calls_take_their_kubeconfig_from_our_own_command_and_need_no_kubectl() -> None:
    text = banner.render(READY)

    assert '-H "X-Kubeconfig: $(/clone/.venv/bin/mcp-k8s kubeconfig)"' in text
    assert "<output of: /clone/.venv/bin/mcp-k8s kubeconfig>" in text
    assert "kubectl config" not in text


def test_client_configuration_carries_the_header() -> None:
    configuration = json.loads(banner.client_configuration(READY))

    server = configuration["mcpServers"]["k8s"]
    assert (server["type"], server["url"]) == ("http", "http://127.0.0.1:9096/mcp")
    assert list(server["headers"]) == ["X-Kubeconfig"]


def test_with_a_kubeconfig_the_url_is_enough() -> None:
    with_kubeconfig = dataclasses.replace(READY, has_default_kubeconfig=True)
    text = banner.render(with_kubeconfig)

    configuration = json.loads(banner.client_configuration(with_kubeconfig))
    assert configuration == {"mcpServers": {"k8s": {"type": "http", "url": "http://127.0.0.1:9096/mcp"}}}
    assert "X-Kubeconfig" not in text


@pytest.mark.parametrize(("abi", "told"), [(7, "ABI 7"), (0, "WITHOUT a sandbox")], ids=["landlock", "none"])
def test_it_tells_what_contains_commands(abi: int, told: str) -> None:
    assert told in banner.render(dataclasses.replace(READY, landlock_abi=abi))
