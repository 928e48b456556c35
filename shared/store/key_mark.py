"""Checks that all processes on one Redis share a master key.

Gateways keep a mark in Redis, sealed by the key with which they seal jobs. A process that cannot open the mark would
queue jobs that no worker can open, or fail every job. It logs that and is not ready until the mark opens or expires.
"""

import asyncio

import structlog
from redis.asyncio import Redis

from shared.sealing.fernet_keys import MasterKeys
from shared.store import key_names

INTERVAL_S = 5.0
LIFETIME_S = 15
"""Lifetime of the mark in seconds: for this time, the mark of a gateway that has ended may keep others from serving."""
CLOSED = (
    "the master keys of this process cannot open jobs that the gateways on this Redis seal: "
    "K8S_MCP_MASTER_KEYS must be the same everywhere"
)

log = structlog.get_logger()


class KeyMark:
    """The mark, as one process sees it."""

    def __init__(self, redis: Redis, master_keys: MasterKeys) -> None:
        self._redis = redis
        self._master_keys = master_keys
        self.opens = True
        """Whether the mark opened at the last check, or was missing."""

    async def run(self) -> None:
        """Renews the mark until cancelled. Only gateways do so."""
        while True:
            if await self.check():
                await self._redis.set(key_names.KEY_MARK, self._master_keys.seal_mark(), ex=LIFETIME_S)
            await asyncio.sleep(INTERVAL_S)

    async def check(self) -> bool:
        """Reads the mark. Returns whether it opens or is missing. Logs each change."""
        return self.judge(await self._redis.get(key_names.KEY_MARK))

    def judge(self, mark: bytes | None) -> bool:
        """Returns whether a mark that was read opens or is missing. Logs each change."""
        opens = mark is None or self._master_keys.opens_mark(mark)
        if self.opens and not opens:
            log.error("not ready", reason=CLOSED)
        elif opens and not self.opens:
            log.info("ready again", reason="the master keys open jobs that the gateways seal")
        self.opens = opens
        return opens
