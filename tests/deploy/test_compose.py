"""What compose.yaml and its override files name: each thing they use is there."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.settings import CommonSettings, GatewaySettings, WorkerSettings
from tests.support.product import PROJECT

OVERRIDES = sorted((PROJECT / "deploy" / "compose").glob("*.yaml"))
SETTINGS: dict[str, type[CommonSettings]] = {"gateway": GatewaySettings, "worker": WorkerSettings}


def merged(override: Path) -> dict[str, Any]:
    """As compose merges two files: mappings are joined, lists of volumes and networks appended, the rest replaced."""
    base = yaml.safe_load((PROJECT / "compose.yaml").read_text())
    document: dict[str, Any] = _joined(base, yaml.safe_load(override.read_text()))
    return document


def _joined(base: Any, over: Any, name: str = "") -> Any:
    if isinstance(base, dict) and isinstance(over, dict):
        return {key: _joined(base.get(key), over.get(key, base.get(key)), key) for key in {**base, **over}}
    if isinstance(base, list) and isinstance(over, list) and name in {"volumes", "networks"}:
        return base + [each for each in over if each not in base]
    return over


@pytest.mark.parametrize("override", OVERRIDES, ids=lambda path: path.stem)
def test_services_use_only_what_the_files_declare(override: Path) -> None:
    document = merged(override)
    for name, service in document["services"].items():
        assert {volume.partition(":")[0] for volume in service.get("volumes", [])} <= document["volumes"].keys(), name
        assert set(service.get("networks", [])) <= document["networks"].keys(), name
        assert set(service.get("depends_on", {})) <= document["services"].keys(), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name


@pytest.mark.parametrize("override", OVERRIDES, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", SETTINGS)
def test_settings_are_known(override: Path, name: str) -> None:
    known = {f"K8S_MCP_{field.upper()}" for field in SETTINGS[name].model_fields}
    given = {variable for variable in merged(override)["services"][name]["environment"] if variable.startswith("K8S")}

    assert {variable.removesuffix("_FILE") for variable in given} <= known


def test_each_sentinel_that_clients_are_told_of_is_a_service() -> None:
    services = merged(PROJECT / "deploy" / "compose" / "sentinel.yaml")["services"]
    [*_, option, sentinels] = services["secrets"]["command"]

    assert option == "--sentinels"
    assert sentinels.split(",") == [name for name in services if name.startswith("sentinel-")]
    for name, service in services.items():
        if name.startswith(("redis", "sentinel-")):
            assert service["environment"] == {"NAME": name}
            assert f"{name}-data:/data" in service["volumes"]
            assert service["networks"] == ["store"]
