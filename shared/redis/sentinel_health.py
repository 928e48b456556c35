"""Checks that a failover would find what it needs: sentinels that answer, and a replica."""

from shared.network import redis_address
from shared.network.redis_address import RedisAddress
from shared.redis.sentinels import Sentinels

FEWEST_SENTINELS = 3


async def shortcomings(address: RedisAddress) -> list[str]:
    """Returns what is wrong with the sentinels, as sentences that say what to do; nothing without Sentinel."""
    if not address.sentinels:
        return []
    sentinels = Sentinels(address)
    try:
        silent, replicas = await sentinels.survey()
    finally:
        await sentinels.close()
    found = []
    if silent:
        places = ", ".join(map(redis_address.place, silent))
        found.append(f"Sentinel at {places} does not name the primary: start it, or correct K8S_MCP_REDIS_URL")
    if len(address.sentinels) < FEWEST_SENTINELS:
        found.append("fewer than three sentinels are named, so that one of them cannot be missed: name all of them")
    if not replicas:
        found.append(f"Sentinel knows no replica of {address.service}, so that no server can take over: add one")
    return found
