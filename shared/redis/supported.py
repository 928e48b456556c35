"""Recognises servers that cannot keep our jobs, and says in one line what to use instead.

Our scripts name their keys themselves, so that one script can touch several jobs. That needs Redis or Valkey 7 or
later, not in cluster mode, without a proxy that looks at keys.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, OutOfMemoryError, ReadOnlyError, ResponseError

from shared.network.redis_address import RedisAddress
from shared.redis import redis_connection
from shared.redis.redis_connection import UNAVAILABLE
from shared.settings import SettingsError

OLDEST_VERSION = 7
START_TIMEOUT_S = 3.0
"""Seconds that a start waits for the server. A server that is away is looked at when it is reached."""
BUSY = "BUSY "
"""Begin of an answer while another script runs for long."""
DENIED_IN_SCRIPT = "ACL failure in script"
"""Part of the answer to a script that its user may run, when it uses a key that its user may not use."""
ALLOWED_USER = "~mcp-k8s:* &mcp-k8s:* +@all"
"""The rights that gateways and workers need, as ACL SETUSER takes them."""
_PROBE = "#!lua flags=no-writes\nreturn redis.call('EXISTS', 'mcp-k8s:probe')"
_USE = "use Redis or Valkey 7 or later"


class UnsupportedServerError(SettingsError):
    """The server cannot be used. The text is one line that says what was found and what to use."""


async def require(address: RedisAddress) -> None:
    """Raises UnsupportedServerError if the server can be reached and cannot be used."""
    redis = redis_connection.gateway_client(address, max_connections=1)
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            await check(redis)
    except UNAVAILABLE:
        return
    finally:
        await redis.aclose()


async def check(redis: Redis) -> None:
    """Raises UnsupportedServerError if the server cannot be used, or one of `UNAVAILABLE`."""
    found = await refusal(redis)
    if found is not None:
        raise UnsupportedServerError(found)


async def refusal(redis: Redis) -> str | None:
    """Returns why the server cannot be used, or None if it can. Raises one of `UNAVAILABLE`."""
    try:
        found = _kind(await redis.info()) or await _refused_script(redis)
    except NoPermissionError:  # of INFO, without which only the scripts can tell
        found = await _refused_script(redis)
    except ResponseError as error:
        if _passes(error):
            raise
        found = f"something that does not answer INFO, such as a proxy: {_USE} without it"
    return None if found is None else f"K8S_MCP_REDIS_URL leads to {found}"


def _kind(info: Mapping[str, Any]) -> str | None:
    version = str(info.get("redis_version", ""))
    if "dragonfly_version" in info:
        return f"Dragonfly {info['dragonfly_version']}, which refuses our scripts: {_USE}"
    if "mvcc_depth" in info or info.get("server_name") == "keydb":
        return f"KeyDB {version}: {_USE}"
    if "sentinel" in (info.get("redis_mode"), info.get("server_mode")):
        return "a Sentinel: to follow the primary that it names, write redis+sentinel://HOST:26379/SERVICE/0"
    if info.get("cluster_enabled"):
        return (
            "a server in cluster mode, where one script cannot touch several jobs: "
            f"{_USE} without cluster mode, with Sentinel if it must fail over"
        )
    major = version.partition(".")[0]
    if major.isdecimal() and int(major) < OLDEST_VERSION:
        return f"a server of version {version}: {_USE}"
    return None


async def _refused_script(redis: Redis) -> str | None:
    try:
        await redis.register_script(_PROBE)()
        await redis.execute_command("WAIT", 0, 1)  # type: ignore[no-untyped-call]
    except ResponseError as error:
        if _passes(error):
            raise
        if isinstance(error, NoPermissionError) or DENIED_IN_SCRIPT in str(error):
            return f"a server that forbids its user to run our scripts: {ALLOWED_USER} is enough"
        return f"a server or proxy that refuses scripts with undeclared keys: {_USE}, and no proxy"
    return None


def _passes(error: ResponseError) -> bool:
    """Whether another attempt may succeed."""
    return isinstance(error, OutOfMemoryError | ReadOnlyError) or str(error).startswith(BUSY)
