"""Where the end-to-end tests look for their binaries, and what they say where these do not serve."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import e2e_tools as search
from tests.support import e2e_versions
from tests.support.e2e_tools import ToolsMissingError
from tools import e2e_tools
from tools.e2e_tools import CacheFolder

BUILDS = e2e_tools.load()
API_SERVER = next(binary for binary in BUILDS.binaries if binary.name == "kube-apiserver")


def put_program(path: Path, prints: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{prints}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A user whose cache folder has everything, with empty files for it."""
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": "/nowhere"}
    cache = e2e_tools.cache_folder(environment)
    for binary in BUILDS.binaries:
        put_program(cache.bin / binary.name)
    for module in BUILDS.modules:
        (cache.share / module.name).mkdir(parents=True)
    return environment


def test_built_ones_are_found(environment: dict[str, str]) -> None:
    found = search.find(environment)

    assert found.path("etcd") == e2e_tools.cache_folder(environment).bin / "etcd"


def test_ready_ones_come_first(environment: dict[str, str], tmp_path: Path) -> None:
    own = put_program(tmp_path / "assets" / "kube-apiserver", prints=f"Kubernetes {API_SERVER.module.version}")

    found = search.find({**environment, "KUBEBUILDER_ASSETS": str(own.parent)})

    assert found.path("kube-apiserver") == own
    assert found.path("helm") == e2e_tools.cache_folder(environment).bin / "helm"


def test_cache_folder_of_another_machine_serves_as_a_whole(environment: dict[str, str], tmp_path: Path) -> None:
    other = CacheFolder(tmp_path / "other")
    for binary in BUILDS.binaries:
        put_program(other.bin / binary.name, prints=f"v{e2e_versions.wanted(binary)}.0")
    e2e_tools.cache_folder(environment).share.rename(other.share)

    found = search.find({**environment, "KUBEBUILDER_ASSETS": str(other.bin)})

    assert found.path("kwok") == other.bin / "kwok"
    assert found.files("kwok") == other.share / "kwok"


def test_ready_ones_are_found_from_every_folder(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = put_program(tmp_path / "assets" / "kube-apiserver", prints=f"Kubernetes {API_SERVER.module.version}")
    monkeypatch.chdir(tmp_path)

    assert search.find({**environment, "KUBEBUILDER_ASSETS": "assets"}).path("kube-apiserver") == own


@pytest.mark.parametrize(
    ("name", "prints"),
    [
        ("etcd", "etcd Version: 3.7.3\nGit SHA: Not provided"),
        ("kube-scheduler", "Kubernetes v1.37.0"),
        ("kube-apiserver-previous", "Kubernetes v1.36.9"),
        ("kubectl", "Client Version: v1.37.1-dispatcher\nKustomize Version: v5.5.0"),
        ("helm", 'version.BuildInfo{Version:"v4.3.1", GitCommit:"", KubeClientVersion:"v1.37"}'),
        ("istioctl", "client version: 1.31.2"),
        ("pilot-discovery", 'client version: version.BuildInfo{Version:"1.31-dev", GitRevision:"eed52ebb66ad"}'),
        ("argocd", "argocd: v3.5.9+unknown\n  BuildDate: 1970-01-01T00:00:00Z"),
        ("kwok", "kwok version v0.8.0 go1.26.8 (linux/amd64)"),
    ],
)
def test_ones_on_path_serve_where_none_are_built(
    environment: dict[str, str], tmp_path: Path, name: str, prints: str
) -> None:
    (e2e_tools.cache_folder(environment).bin / name).unlink()
    own = put_program(tmp_path / "bin" / name, prints=prints)

    assert search.find({**environment, "PATH": str(own.parent)}).path(name) == own


def refusal(environment: dict[str, str], assets: Path) -> str:
    """The one line that is said of what lies there."""
    with pytest.raises(ToolsMissingError) as refused:
        search.find({**environment, "KUBEBUILDER_ASSETS": str(assets)})
    assert "\n" not in str(refused.value)
    assert "unset it and run `make e2e-tools`" in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "prints", "says"),
    [
        ("kube-apiserver", "Kubernetes v1.30.0", "is of version 1.30, and the tests need kube-apiserver 1.37"),
        ("kubectl", "Client Version: v1.3.7", "is of version 1.3, and the tests need kubectl 1.37"),
        ("etcd", "etcd Version: 3.5.1", "is of version 3.5, and the tests need etcd 3.7"),
        ("helm", 'version.BuildInfo{Version:"v3.19.0"}', "is of version 3.19, and the tests need helm 4.3"),
        ("istioctl", "client version: 1.20.0", "is of version 1.20, and the tests need istioctl 1.31"),
        ("argocd", "argocd: v2.9.0+9cf0c69", "is of version 2.9, and the tests need argocd 3.5"),
        ("etcd", "", "does not say its version (but '')"),
        ("etcd", "who asks?", "does not say its version (but 'who asks?')"),
    ],
)
def test_another_version_is_told_in_one_line(
    environment: dict[str, str], tmp_path: Path, name: str, prints: str, says: str
) -> None:
    own = put_program(tmp_path / "assets" / name, prints=prints)

    assert f"{own} {says}" in refusal(environment, own.parent)


def test_another_version_on_path_is_told_in_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    (e2e_tools.cache_folder(environment).bin / "helm").unlink()
    own = put_program(tmp_path / "bin" / "helm", prints='version.BuildInfo{Version:"v3.19.0"}')

    with pytest.raises(ToolsMissingError, match=r"helm is of version 3\.19, .* `make e2e-tools`, which builds it"):
        search.find({**environment, "PATH": str(own.parent)})


ELF = Path("/proc/self/exe")
ELF_MACHINE_OFFSET = 18
"""https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html"""


def of_another_machine(content: bytes) -> bytes:
    """Its header names an architecture that does not exist."""
    return content[:ELF_MACHINE_OFFSET] + b"\xfe\xfe" + content[ELF_MACHINE_OFFSET + 2 :]


@pytest.mark.skipif(not ELF.exists(), reason="damages a Linux program")
@pytest.mark.parametrize(
    "damage",
    [lambda _: b"", lambda whole: whole[:4096], of_another_machine, lambda whole: b"\xff\xfe" * 100],
    ids=["empty", "cut off", "of another machine", "no program"],
)
def test_damaged_program_is_told_in_one_line(
    environment: dict[str, str], tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    own = put_program(tmp_path / "assets" / "etcd")
    own.write_bytes(damage(ELF.read_bytes()))

    assert f"{own} does not run here (" in refusal(environment, own.parent)


def test_program_that_fails_is_told_in_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    own = put_program(tmp_path / "assets" / "etcd")
    own.write_text("#!/bin/sh\nprintf 'no libc.so.6\\nno more' >&2\nexit 127\n")

    assert f"{own} does not say its version (but 'no libc.so.6')" in refusal(environment, own.parent)


def test_silent_program_is_told_in_one_line(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = put_program(tmp_path / "assets" / "etcd")
    own.write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(e2e_versions, "TIMEOUT_S", 0.1)

    assert f"{own} did not say its version within" in refusal(environment, own.parent)


def test_what_is_missing_is_told_with_the_command_that_builds_it(environment: dict[str, str]) -> None:
    cache = e2e_tools.cache_folder(environment)
    (cache.bin / "kwok").unlink()
    shutil.rmtree(cache.share / "kwok")

    with pytest.raises(ToolsMissingError, match="missing kwok and 1 more: `make e2e-tools`"):
        search.find(environment)


def test_worker_gets_a_folder_with_its_clis_alone(environment: dict[str, str], tmp_path: Path) -> None:
    folder = search.find(environment).link(("helm", "kubectl"), tmp_path / "clis")

    assert sorted(os.listdir(folder)) == ["helm", "kubectl"]
    assert (folder / "helm").resolve() == (e2e_tools.cache_folder(environment).bin / "helm").resolve()
