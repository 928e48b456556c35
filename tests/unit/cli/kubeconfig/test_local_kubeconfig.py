import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.errors import StartError
from cli.kubeconfig import local_kubeconfig

SECRET = "very-secret-token"


def write(folder: Path, **changes: Any) -> Path:
    """A kubeconfig with two contexts, `files` and `plugin`."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "files",
        "clusters": [
            {"name": "one", "cluster": {"server": "https://127.0.0.1:6443", "certificate-authority": "pki/ca.crt"}},
            {"name": "two", "cluster": {"server": "https://example.test"}},
        ],
        "users": [
            {"name": "someone", "user": {"client-certificate": "pki/me.crt", "client-key": "pki/me.key"}},
            {"name": "program", "user": {"exec": {"command": "aws"}}},
            {"name": "token", "user": {"tokenFile": "token", "token": "older"}},
        ],
        "contexts": [
            {"name": "files", "context": {"cluster": "one", "user": "someone"}},
            {"name": "plugin", "context": {"cluster": "two", "user": "program"}},
            {"name": "token", "context": {"cluster": "two", "user": "token"}},
        ],
        **changes,
    }
    (folder / "pki").mkdir()
    for name in ("pki/ca.crt", "pki/me.crt", "pki/me.key"):
        (folder / name).write_text(name)
    (folder / "token").write_text(f"{SECRET}\n")
    path = folder / "config"
    path.write_text(yaml.safe_dump(config))
    return path


def load(path: Path, **options: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(local_kubeconfig.read(str(path), **options).text())
    return loaded


def user(config: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(entry["user"] for entry in config["users"] if entry["name"] == name)
    return found


def test_files_beside_the_kubeconfig_become_data(tmp_path: Path) -> None:
    config = load(write(tmp_path))

    assert config["clusters"][0]["cluster"] == {
        "server": "https://127.0.0.1:6443",
        "certificate-authority-data": base64.b64encode(b"pki/ca.crt").decode(),
    }
    assert user(config, "someone") == {
        "client-certificate-data": base64.b64encode(b"pki/me.crt").decode(),
        "client-key-data": base64.b64encode(b"pki/me.key").decode(),
    }


def test_token_file_replaces_the_token(tmp_path: Path) -> None:
    assert user(load(write(tmp_path)), "token") == {"token": SECRET}


def test_data_wins_over_a_file(tmp_path: Path) -> None:
    both = {"client-certificate": "/nowhere", "client-certificate-data": "QQ=="}
    path = write(tmp_path, users=[{"name": "someone", "user": both}])

    assert user(load(path), "someone") == {"client-certificate-data": "QQ=="}


def test_chosen_context_is_the_only_one_that_is_kept(tmp_path: Path) -> None:
    config = load(write(tmp_path), only_context="token")

    assert config["current-context"] == "token"
    kept = [[entry["name"] for entry in config[section]] for section in ("contexts", "clusters", "users")]
    assert kept == [["token"], ["two"], ["token"]]


def test_unknown_context_names_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"'gone'.*files, plugin, token"):
        load(write(tmp_path), only_context="gone")


def test_auth_provider_is_refused_with_what_to_do(tmp_path: Path) -> None:
    users = [{"name": "program", "user": {"auth-provider": {"config": {"access-token": SECRET}}}}]

    with pytest.raises(StartError, match="kubectl create token") as refusal:
        load(write(tmp_path, users=users), only_context="plugin")

    assert SECRET not in str(refusal.value)


def test_current_context_alone_is_kept_without_what_other_programs_keep_there(tmp_path: Path) -> None:
    path = write(tmp_path, preferences={"colors": True}, extensions=[{"name": "x", "extension": SECRET}])

    config = load(path, only_context=local_kubeconfig.CURRENT)

    assert config.keys() == {"apiVersion", "kind", "current-context", "clusters", "users", "contexts"}
    assert [entry["name"] for entry in config["contexts"]] == ["files"]


def test_missing_current_context_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    path = write(tmp_path, **{"current-context": ""})

    with pytest.raises(StartError, match=r"--context; contexts: files, plugin, token"):
        load(path, only_context=local_kubeconfig.CURRENT)


def test_program_of_another_context_is_no_matter(tmp_path: Path) -> None:
    assert user(load(write(tmp_path)), "program") == {"exec": {"command": "aws"}}


def test_environments_context_is_the_one_that_must_work(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="'program'"):  # its `exec` entry names no version
        load(write(tmp_path), current_context="plugin")


def test_missing_file_is_named_with_its_field(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "pki" / "me.key").unlink()

    with pytest.raises(StartError, match=r"client-key .*me\.key: No such file"):
        load(path)


def test_missing_file_of_another_context_is_no_matter(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "token").unlink()

    assert user(load(path), "token") == {"tokenFile": "token", "token": "older"}


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a: [", b"just text", b"", b"when: 2026-99-99"])
def test_what_is_no_kubeconfig_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_bytes(content)

    with pytest.raises(StartError, match=r"is not (valid YAML|a kubeconfig)"):
        load(path)


def test_malformed_sections_are_left_to_who_judges_the_result(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("users: {}\nclusters: [1, {name: x}]\ncontexts:\ncurrent-context: x\n")

    assert load(path)["clusters"] == [1, {"name": "x"}]


def test_list_of_files_is_refused_with_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="--flatten --raw"):
        local_kubeconfig.read(f"{tmp_path}/a:{tmp_path}/b")


def test_endless_file_is_refused() -> None:
    with pytest.raises(StartError, match="larger than"):
        local_kubeconfig.read("/dev/zero")
