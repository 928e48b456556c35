"""Generates the secrets of a new compose installation. They are made once and kept in volumes.

There are two folders, because Redis must not see the master key. Gateway and workers read the first one. Redis reads
the second one, which contains only a hash of the password.
"""

import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from cli.errors import StartError
from cli.keys import sentinel_files
from cli.up import state_directory

MASTER_KEYS_NAME = "master-keys"
REDIS_URL_NAME = "redis-url"
USERS_NAME = "users.acl"
PASSWORD_BYTES = 32

USERS = """user default on #{password_hash} ~* &* +@all
user probe on nopass -@all +ping
"""
"""Redis' ACL file: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/

The user `probe` is for health checks, which need no password.
"""


def provision(secrets_folder: Path, redis_folder: Path, redis_host: str, *, sentinels: Sequence[str] = ()) -> None:
    """Writes the missing files, and the URL of Redis again if there are sentinels now, or none any more.

    Raises `StartError` if a folder is not writable or an existing file is damaged.
    """
    try:
        state_directory.ensure_master_key(secrets_folder / MASTER_KEYS_NAME)
        url_path = secrets_folder / REDIS_URL_NAME
        password = _password(url_path) if url_path.exists() else secrets.token_urlsafe(PASSWORD_BYTES)
        if not url_path.exists() or _is_of_sentinel(url_path) != bool(sentinels):
            state_directory.write_new(url_path, f"{_url(password, redis_host, sentinels)}\n")
        users = USERS.format(password_hash=hashlib.sha256(password.encode()).hexdigest())
        if sentinels:
            users += sentinel_files.write(secrets_folder, redis_folder, redis_host, sentinels=sentinels)
        users_path = redis_folder / USERS_NAME
        state_directory.write_new(users_path, users)
        users_path.chmod(sentinel_files.READABLE_BY_REDIS)
    except OSError as error:
        raise StartError(f"{error.filename or secrets_folder} cannot be written: {error.strerror}") from error


def _url(password: str, redis_host: str, sentinels: Sequence[str]) -> str:
    return sentinel_files.url(password, sentinels) if sentinels else f"redis://:{password}@{redis_host}:6379/0"


def _is_of_sentinel(url_path: Path) -> bool:
    return urlsplit(url_path.read_text().strip()).scheme.endswith("+sentinel")


def _password(url_path: Path) -> str:
    password = urlsplit(url_path.read_text().strip()).password
    if not password or quote(password, safe="") != password:
        raise StartError(f"{url_path} does not contain a Redis URL with a password; remove the file to get a new one")
    return password
