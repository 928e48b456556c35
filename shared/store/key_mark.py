"""Whether all processes on one Redis have a master key in common.

Gateways keep a mark there, sealed by the key that they seal jobs with. Who cannot open it would queue what no worker
can run, or fail every job: it says so and is not ready, until the mark opens or has ended.
"""

import asyncio

import structlog
from redis.asyncio import Redis

from shared.sealing.fernet_keys import MasterKeys
from shared.store import key_names

INTERVAL_S = 4.0
LIFETIME_S = 15
"""So long the keys of gateways that are gone may keep others from serving."""
CLOSED = (
    "the master keys here do not open what the gateways of this Redis seal: "
    "K8S_MCP_MASTER_KEYS must be the same everywhere"
)

log = structlog.get_logger()


class KeyMark:
    """The mark, as one process sees it."""

    def __init__(self, redis: Redis, master_keys: MasterKeys) -> None:
        self._redis = redis
        self._master_keys = master_keys
        self.opens = True
        """When it was last looked at."""

    async def run(self) -> None:
        """Keeps it, for a gateway."""
        while True:
            if await self.look():
                await self._redis.set(key_names.KEY_MARK, self._master_keys.seal_mark(), ex=LIFETIME_S)
            await asyncio.sleep(INTERVAL_S)

    async def look(self) -> bool:
        """Whether it opens, or is not there. What changes about that is logged."""
        mark = await self._redis.get(key_names.KEY_MARK)
        opens = mark is None or self._master_keys.opens_mark(mark)
        if self.opens and not opens:
            log.error("not ready", reason=CLOSED)
        elif opens and not self.opens:
            log.info("master keys open what gateways seal again")
        self.opens = opens
        return opens
