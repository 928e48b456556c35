import dataclasses
import json

import pytest

from cli.up import banner
from cli.up.banner import BannerFacts
from shared.tools import registry

READY = BannerFacts(
    version="1.2.3",
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


def test_a_clouds_users_are_told_of_the_command_that_makes_a_token() -> None:
    assert "take the output of: mcp-k8s kubeconfig" in banner.render(READY)


def test_client_configuration_carries_the_header() -> None:
    configuration = json.loads(banner.client_configuration(READY.url, has_default_kubeconfig=False))

    server = configuration["mcpServers"]["k8s"]
    assert (server["type"], server["url"]) == ("http", "http://127.0.0.1:9096/mcp")
    assert list(server["headers"]) == ["X-Kubeconfig"]


def test_with_a_kubeconfig_the_url_is_enough() -> None:
    text = banner.render(dataclasses.replace(READY, has_default_kubeconfig=True))

    configuration = json.loads(banner.client_configuration(READY.url, has_default_kubeconfig=True))
    assert configuration == {"mcpServers": {"k8s": {"type": "http", "url": "http://127.0.0.1:9096/mcp"}}}
    assert "X-Kubeconfig" not in text


@pytest.mark.parametrize(("abi", "told"), [(7, "ABI 7"), (0, "WITHOUT a sandbox")], ids=["landlock", "none"])
def test_it_tells_what_contains_commands(abi: int, told: str) -> None:
    assert told in banner.render(dataclasses.replace(READY, landlock_abi=abi))
