import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.up import environment
from shared.sealing.fernet_keys import MasterKeys
from shared.settings import SettingsError


@pytest.fixture(autouse=True)
def _environment_is_restored() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def test_one_machine_allows_loopback_and_prefers_a_sandbox() -> None:
    own = environment.for_one_machine({})

    assert (own["K8S_MCP_ALLOW_LOOPBACK"], own["K8S_MCP_SANDBOX"]) == ("true", "prefer")
    assert "K8S_MCP_ALLOW_LOOPBACK_FETCHES" not in own


def test_what_the_user_set_stays() -> None:
    given = {"K8S_MCP_SANDBOX": "require", "K8S_MCP_ALLOW_LOOPBACK": "false", "HOME": "/home/me"}

    assert given.items() <= environment.for_one_machine(given).items()


def test_empty_variable_of_ours_counts_as_unset() -> None:
    own = environment.for_one_machine({"K8S_MCP_REDIS_URL": "", "EMPTY": ""})

    assert "K8S_MCP_REDIS_URL" not in own
    assert not own["EMPTY"]


def test_source_trees_fetched_tools_come_before_those_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environment, "FETCHED_TOOLS", tmp_path)

    own = environment.for_one_machine({"PATH": "/bin:/usr/bin"})

    assert own["PATH"] == f"{tmp_path}:/bin:/usr/bin"
    assert "K8S_MCP_TOOLS_DIRECTORY" not in own


@pytest.mark.parametrize("variable", ["K8S_MCP_MASTER_KEYS", "K8S_MCP_MASTER_KEYS_FILE"])
def test_secret_is_given_by_value_or_file(variable: str) -> None:
    assert environment.is_given({variable: "x"}, "K8S_MCP_MASTER_KEYS")
    assert not environment.is_given({variable: ""}, "K8S_MCP_MASTER_KEYS")


def test_gateways_own_address_is_added_to_what_no_command_may_reach() -> None:
    assert environment.with_service({}, "http://[::1]:9096") == "[::1]:9096"
    given = {"K8S_MCP_OWN_SERVICES": "gateway:80"}
    assert environment.with_service(given, "http://127.0.0.1:9096") == "gateway:80,127.0.0.1:9096"


def test_bad_settings_of_both_children_are_told_together() -> None:
    bad = {"K8S_MCP_PORT": "99999", "K8S_MCP_FAST_SLOTS": "0", "K8S_MCP_MASTER_KEYS": MasterKeys.generate()}

    with pytest.raises(SettingsError) as refusal:
        environment.load_settings(bad)

    assert [line.split()[0] for line in str(refusal.value).splitlines()] == ["K8S_MCP_PORT", "K8S_MCP_FAST_SLOTS"]


def test_problem_of_both_is_told_once() -> None:
    with pytest.raises(SettingsError) as refusal:
        environment.load_settings({"K8S_MCP_MASTER_KEYS": "no key"})

    assert len(str(refusal.value).splitlines()) == 1
