"""The secrets of a new installation with compose: made once, kept in volumes, written by nobody by hand.

Two folders, because Redis must not see the master key: gateway and workers read the first, Redis the second, which
holds a hash of the password only.
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

The second user is for health checks, which then need no password.
"""


def provision(secrets_folder: Path, redis_folder: Path, redis_host: str) -> None:
    """Writes what is missing and keeps the rest. `StartError` if a folder cannot be written, or a file is damaged."""
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
        raise StartError(f"{url_path} holds no Redis URL with a password; remove it to get a new one")
    return password


def _write_users(path: Path, password: str) -> None:
    state_directory.write_new(path, USERS.format(password_hash=hashlib.sha256(password.encode()).hexdigest()))
    path.chmod(READABLE_BY_REDIS)
