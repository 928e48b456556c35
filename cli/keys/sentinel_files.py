"""Makes the configuration of servers and sentinels for a new compose installation, with the passwords between them.

Servers and sentinels copy these files at their first start, and rewrite their copies. The password of clients is not in
them.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from cli.up import state_directory

PASSWORD_NAME = "redis-sentinel-password"  # noqa: S105 - the name of a file
SERVER_NAME = "server.conf"
SENTINEL_NAME = "sentinel.conf"
SERVICE = "jobs"
SENTINEL_PORT = 26379
READABLE_BY_REDIS = 0o644
PASSWORD_BYTES = 32

SERVER = """aclfile /users/users.acl
dir /data
appendonly yes
maxmemory 1gb
maxmemory-policy noeviction
min-replicas-to-write 1
min-replicas-max-lag 10
masteruser replication
masterauth {password}
"""
"""A primary takes writes only while a replica follows it, so that one that is cut off takes none."""

SENTINEL = """port 26379
dir /data
user default on #{sentinel_hash} ~* &* +@all
user probe on nopass -@all +ping
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel sentinel-pass {sentinel_password}
sentinel monitor {service} {host} 6379 {quorum}
sentinel auth-user {service} sentinel
sentinel auth-pass {service} {password}
sentinel down-after-milliseconds {service} 5000
sentinel failover-timeout {service} 30000
sentinel parallel-syncs {service} 1
"""

USERS = """user replication on #{password_hash} -@all +psync +replconf +ping
user sentinel on #{password_hash} -@all &* +multi +exec +slaveof +ping +subscribe +publish +config|rewrite +role +info \
+client|setname +client|kill +script|kill
"""
"""What replicas and sentinels may do: https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/"""


def write(secrets_folder: Path, redis_folder: Path, redis_host: str, *, sentinels: Sequence[str]) -> str:
    """Writes the files, with the passwords that are there already. Returns the users that the servers must know."""
    password = _written(redis_folder / SERVER_NAME, r"^masterauth (\S+)$") or _new_password()
    sentinel_path = secrets_folder / PASSWORD_NAME
    sentinel_password = _written(sentinel_path, r"^(\S+)$") or _new_password()
    state_directory.write_new(sentinel_path, f"{sentinel_password}\n")
    _write_for_redis(redis_folder / SERVER_NAME, SERVER.format(password=password))
    text = SENTINEL.format(
        service=SERVICE,
        host=redis_host,
        quorum=len(sentinels) // 2 + 1,
        password=password,
        sentinel_password=sentinel_password,
        sentinel_hash=_hash(sentinel_password),
    )
    _write_for_redis(redis_folder / SENTINEL_NAME, text)
    return USERS.format(password_hash=_hash(password))


def url(password: str, sentinels: Sequence[str]) -> str:
    """Returns the URL for clients. `password` is that of the servers."""
    return f"redis+sentinel://:{password}@{','.join(f'{host}:{SENTINEL_PORT}' for host in sentinels)}/{SERVICE}/0"


def _written(path: Path, pattern: str) -> str | None:
    match = re.search(pattern, path.read_text(), re.MULTILINE) if path.exists() else None
    return match[1] if match else None


def _new_password() -> str:
    return secrets.token_urlsafe(PASSWORD_BYTES)


def _hash(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def _write_for_redis(path: Path, text: str) -> None:
    state_directory.write_new(path, text)
    path.chmod(READABLE_BY_REDIS)
