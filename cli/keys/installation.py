"""Generates the secrets of a new compose installation. They are made once and kept in volumes.

There are two folders, because Redis must not see the master key. Gateway and workers read the first one. Redis reads
the second one, which contains only a hash of the password.
"""

import hashlib
import secrets
from pathlib import Path
from urllib.parse import quote, urlsplit

from cli.errors import StartError
from cli.up import state_directory

MASTER_KEYS_NAME = "master-keys"
REDIS_URL_NAME = "redis-url"
USERS_NAME = "users.acl"
READABLE_BY_REDIS = 0o644
PASSWORD_BYTES = 32

USERS = """user default on #{password_hash} ~* &* +@all
user probe on nopass -@all +ping
"""
"""Redis' ACL file: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/

The user `probe` is for health checks, which need no password.
"""


def provision(secrets_folder: Path, redis_folder: Path, redis_host: str) -> None:
    """Writes the missing files. Raises `StartError` if a folder is not writable or an existing file is damaged."""
    try:
        state_directory.ensure_master_key(secrets_folder / MASTER_KEYS_NAME)
        url_path = secrets_folder / REDIS_URL_NAME
        if not url_path.exists():
            state_directory.write_new(
                url_path, f"redis://:{secrets.token_urlsafe(PASSWORD_BYTES)}@{redis_host}:6379/0\n"
            )
        _write_users(redis_folder / USERS_NAME, _password(url_path))
    except OSError as error:
        raise StartError(f"{error.filename or secrets_folder} cannot be written: {error.strerror}") from error


def _password(url_path: Path) -> str:
    password = urlsplit(url_path.read_text().strip()).password
    if not password or quote(password, safe="") != password:
        raise StartError(f"{url_path} does not contain a Redis URL with a password; remove the file to get a new one")
    return password


def _write_users(path: Path, password: str) -> None:
    state_directory.write_new(path, USERS.format(password_hash=hashlib.sha256(password.encode()).hexdigest()))
    path.chmod(READABLE_BY_REDIS)
