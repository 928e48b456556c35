import hashlib
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cli.errors import StartError
from cli.keys import installation
from cli.up import state_directory
from shared.network import redis_address
from shared.network.endpoints import Endpoint


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """For gateway and workers, and for Redis."""
    folders = tmp_path / "secrets", tmp_path / "redis"
    for folder in folders:
        folder.mkdir()
    return folders


def texts(*folders: Path) -> dict[str, str]:
    return {path.name: path.read_text() for folder in folders for path in folder.iterdir()}


def test_new_installation_gets_a_key_and_a_password(folders: tuple[Path, Path]) -> None:
    secrets, redis = folders

    installation.provision(secrets, redis, "store")

    url = urlsplit((secrets / "redis-url").read_text())
    assert state_directory.holds_key(secrets / "master-keys")
    assert (url.scheme, url.hostname, url.port) == ("redis", "store", 6379)
    assert hashlib.sha256((url.password or "").encode()).hexdigest() in (redis / "users.acl").read_text()


def test_redis_gets_no_secret(folders: tuple[Path, Path]) -> None:
    secrets, redis = folders

    installation.provision(secrets, redis, "redis")

    assert [path.name for path in redis.iterdir()] == ["users.acl"]
    assert str(urlsplit((secrets / "redis-url").read_text()).password) not in (redis / "users.acl").read_text()


def test_secrets_are_for_their_owner_alone(folders: tuple[Path, Path]) -> None:
    secrets, redis = folders

    installation.provision(secrets, redis, "redis")

    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o600}
    assert stat.S_IMODE((redis / "users.acl").stat().st_mode) == 0o644


def test_what_is_there_is_kept(folders: tuple[Path, Path]) -> None:
    installation.provision(*folders, "redis")
    before = texts(*folders)

    installation.provision(*folders, "redis")

    assert texts(*folders) == before


def test_lost_users_are_made_again_from_the_password(folders: tuple[Path, Path]) -> None:
    installation.provision(*folders, "redis")
    before = texts(*folders)
    (folders[1] / "users.acl").unlink()

    installation.provision(*folders, "redis")

    assert texts(*folders) == before


def test_sentinels_get_passwords_of_their_own(folders: tuple[Path, Path]) -> None:
    secrets, redis = folders

    installation.provision(*folders, "redis", sentinels=["one", "two"])

    url = (secrets / "redis-url").read_text().strip()
    address = redis_address.parse(url)
    assert address.sentinels == (Endpoint("one", 26379), Endpoint("two", 26379))
    of_clients, of_sentinels = address.options["password"], (secrets / "redis-sentinel-password").read_text().strip()
    seen_by_redis = "".join(texts(redis).values())
    assert of_clients not in seen_by_redis
    assert f"sentinel sentinel-pass {of_sentinels}\n" in seen_by_redis
    assert hashlib.sha256(of_clients.encode()).hexdigest() in (redis / "users.acl").read_text()
    assert of_sentinels != of_clients


def test_what_sentinels_have_is_kept(folders: tuple[Path, Path]) -> None:
    installation.provision(*folders, "redis", sentinels=["one", "two"])
    before = texts(*folders)

    installation.provision(*folders, "redis", sentinels=["one", "two"])

    assert texts(*folders) == before


def test_installation_goes_to_sentinels_and_back_with_its_password(folders: tuple[Path, Path]) -> None:
    installation.provision(*folders, "redis")
    before = (folders[0] / "redis-url").read_text()
    installation.provision(*folders, "redis", sentinels=["one"])
    between = redis_address.parse((folders[0] / "redis-url").read_text().strip())
    installation.provision(*folders, "redis")

    assert (folders[0] / "redis-url").read_text() == before
    assert between.options["password"] == urlsplit(before).password


def test_url_without_a_password_is_refused(folders: tuple[Path, Path]) -> None:
    (folders[0] / "redis-url").write_text("redis://redis:6379/0\n")

    with pytest.raises(StartError, match="redis-url does not contain a Redis URL with a password"):
        installation.provision(*folders, "redis")


def test_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot be written: No such file"):
        installation.provision(tmp_path / "gone", tmp_path, "redis")
