"""Collects the whole body of an answer that the door itself needs."""

import asyncio
from collections.abc import Sequence

from worker.door.http.errors import ServerError
from worker.door.http.server_connection import ServerConnection


async def collect(connection: ServerConnection, most_bytes: int) -> bytes:
    """Returns the body of the answer that the connection has begun. Raises `ServerError` if it breaks or is longer."""
    collection = _Collection(most_bytes)
    connection.deliver_to(collection)
    try:
        return await collection.whole
    except BaseException:
        connection.abort()
        raise


class _Collection:
    def __init__(self, most_bytes: int) -> None:
        self.whole: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._most_bytes = most_bytes
        self._content = bytearray()

    def take(self, pieces: Sequence[bytes], *, is_last: bool) -> None:
        for piece in pieces:
            self._content += piece
        if self.whole.done():
            return
        if len(self._content) > self._most_bytes:
            self.whole.set_exception(ServerError("its answer is too long"))
        elif is_last:
            self.whole.set_result(bytes(self._content))

    def fail(self, error: ServerError) -> None:
        if not self.whole.done():
            self.whole.set_exception(error)
