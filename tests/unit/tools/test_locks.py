"""The locks hold pins and hashes alone: who installs from them decides from which registry."""

import json
import re
from pathlib import Path

import pytest

from tools import node_clients

ROOT = Path(__file__).parents[3]
LOCKS = ["requirements.lock", "requirements-dev.lock"]
IMAGE_LOCKS = ["requirements-gateway.lock", "requirements-worker.lock"]


def requirements(name: str) -> dict[str, list[str]]:
    """Each pin with its hashes."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split() for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return {words[0]: [word for word in words if word.startswith("--")] for words in lines}


@pytest.mark.parametrize("name", [*LOCKS, *IMAGE_LOCKS])
def test_lock_names_no_registry_and_no_place(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")

    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host|file:|(^|\s)/\w", text)


@pytest.mark.parametrize("name", [*LOCKS, *IMAGE_LOCKS])
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    for pin, hashes in requirements(name).items():
        assert re.fullmatch(r"[a-z0-9._-]+==[^=*]+", pin)
        assert hashes
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", value) for value in hashes)


def test_development_lock_holds_the_whole_runtime_lock() -> None:
    runtime, development = (requirements(name) for name in LOCKS)

    assert runtime.items() <= development.items()


def test_node_lock_pins_and_hashes_every_package_and_names_no_registry() -> None:
    packages = json.loads((node_clients.SOURCES_PATH / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    installed = {path: package for path, package in packages.items() if path and not package.get("inBundle")}

    assert not any("resolved" in package for package in packages.values())
    assert all(package["version"] and package["integrity"].startswith("sha") for package in installed.values())


def test_node_clients_are_pinned_to_one_version_each() -> None:
    package = json.loads((node_clients.SOURCES_PATH / "package.json").read_text(encoding="utf-8"))
    versions = [*package["dependencies"].values(), *package["optionalDependencies"].values()]

    assert all(re.fullmatch(r"(npm:@[a-z/]+@)?\d+\.\d+\.\d+(-alpha\.\d+)?", version) for version in versions)


@pytest.mark.parametrize("name", IMAGE_LOCKS)
def test_image_holds_a_part_of_what_is_tested(name: str) -> None:
    assert requirements(name).items() <= requirements("requirements.lock").items()
