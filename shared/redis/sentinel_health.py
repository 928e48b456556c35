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
        survey = await sentinels.survey()
    finally:
        await sentinels.close()
    answers = [answer for answer in survey.values() if answer is not None]
    found = []
    if silent := [redis_address.place(place) for place, answer in survey.items() if answer is None]:
        found.append(
            f"Sentinel at {', '.join(silent)} does not name the primary: start it, or correct K8S_MCP_REDIS_URL"
        )
    if len(survey) < FEWEST_SENTINELS:
        found.append("fewer than three sentinels are named, so that one of them cannot be missed: name all of them")
    if any(answer.sentinels < len(survey) for answer in answers):
        found.append("the sentinels do not know each other, so that they decide on no failover: read their logs")
    if not any(answer.replicas for answer in answers):
        found.append(f"Sentinel knows no replica of {address.service}, so that no server can take over: add one")
    return found
