"""Looks for secrets in what the product leaves or shows: as they are, and as base64 has them."""

import base64

from redis.asyncio import Redis

LONG_BYTES = 24
"""Shortest text whose double base64 form is not a common word, such as a key in a kubeconfig in a header."""
_READERS: dict[bytes, tuple[str, tuple[str | int, ...]]] = {
    b"string": ("GET", ()),
    b"hash": ("HGETALL", ()),
    b"stream": ("XRANGE", ("-", "+")),
    b"zset": ("ZRANGE", (0, -1)),
    b"list": ("LRANGE", (0, -1)),
    b"set": ("SMEMBERS", ()),
    b"none": ("EXISTS", ()),
}


def leaks(seen: str | bytes, *secrets: str) -> list[str]:
    """The secrets that a text holds, plain or in base64 at any of its three alignments; long ones twice in it too."""
    data = seen.encode(errors="surrogateescape") if isinstance(seen, str) else seen
    return [secret for secret in secrets if any(form in data for form in _forms(secret.encode()))]


async def everything_in(redis: Redis) -> str:
    """Names and values of all keys."""
    async with redis.pipeline() as pipe:
        names = [name async for name in redis.scan_iter(count=1_000)]
        for name in names:
            command, arguments = _READERS[await redis.type(name)]
            pipe.execute_command(command, name, *arguments)
        return repr([names, await pipe.execute()])


def _forms(secret: bytes) -> set[bytes]:
    once = _encoded(secret)
    twice = {form for inner in once for form in _encoded(inner)} if len(secret) >= LONG_BYTES else set()
    return {secret, *once, *twice}


def _encoded(secret: bytes) -> set[bytes]:
    """What is the same whatever stands before and behind."""
    return {base64.b64encode(b"\0" * shift + secret)[4:-4] for shift in range(3)}
