"""One identity lent to every caller: only by an operator's word, and only on loopback."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.intake.default_kubeconfig import DefaultKubeconfig, load_default_kubeconfig
from shared.sealing.fernet_keys import MasterKeys
from shared.settings import GatewaySettings, SettingsError
from tests.support import kubeconfigs


def settings(path: Path, **changes: Any) -> GatewaySettings:
    return GatewaySettings(master_keys=SecretStr(MasterKeys.generate()), default_kubeconfig_file=path, **changes)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.write_text(kubeconfigs.text())
    return path


def test_none_is_the_default() -> None:
    assert load_default_kubeconfig(GatewaySettings(master_keys=SecretStr(MasterKeys.generate()))) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_file_is_read_where_only_this_machine_can_ask(file: Path, host: str) -> None:
    assert load_default_kubeconfig(settings(file, host=host)) == kubeconfigs.text()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "gateway.example.com", ""])
def test_gateway_that_others_reach_does_not_start_with_one(file: Path, host: str) -> None:
    with pytest.raises(SettingsError, match="loopback"):
        load_default_kubeconfig(settings(file, host=host, allow_anonymous=True))


def test_missing_file_is_named_by_its_variable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="K8S_MCP_DEFAULT_KUBECONFIG_FILE"):
        load_default_kubeconfig(settings(tmp_path / "missing"))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"user": {"exec": {"command": "canary-user"}}}, id="a field that is refused"),
        pytest.param({"clusters": []}, id="no cluster"),
        pytest.param({"cluster": {"server": "https://127.0.0.1:6443"}}, id="loopback, which is not allowed"),
    ],
)
def test_file_that_could_not_be_used_stops_the_start_and_is_not_shown(file: Path, changes: dict[str, Any]) -> None:
    file.write_text(kubeconfigs.text(**changes))
    with pytest.raises(SettingsError, match="K8S_MCP_DEFAULT_KUBECONFIG_FILE") as raised:
        load_default_kubeconfig(settings(file))
    assert not kubeconfigs.leaks(str(raised.value))


def test_file_that_is_no_text_is_not_shown(file: Path) -> None:
    file.write_bytes(b"canary-token \xff")
    with pytest.raises(SettingsError, match="K8S_MCP_DEFAULT_KUBECONFIG_FILE") as raised:
        load_default_kubeconfig(settings(file))
    assert not kubeconfigs.leaks(str(raised.value))


def test_context_of_the_operator_must_be_in_it(file: Path) -> None:
    with pytest.raises(SettingsError, match="here, there"):
        load_default_kubeconfig(settings(file, default_context="nowhere"))


def test_renewed_file_is_lent_from_then_on_and_a_broken_one_never(file: Path) -> None:
    default = DefaultKubeconfig(settings(file))
    renewed = kubeconfigs.text(user={"token": "newer"})
    texts = []
    for content in (renewed, "neither: one", renewed):
        file.write_text(content)
        texts.append(default.text())
    file.unlink()

    assert [*texts, default.text()] == [renewed] * 4
