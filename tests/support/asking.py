"""A command of a visit with effects, whose door asks a faulty server about Secrets."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.effects import Effects, Limit
from tests.support import door as doors
from tests.support import faulty_server
from tests.support.door import Client
from tests.support.faulty_server import FaultyServer
from tests.support.secret_cases import PLANTED, encoded
from worker.door.client.client import Door

MASKED = Effects(limit=Limit.STRICT)
LIVE = {
    "kind": "Secret",
    "apiVersion": "v1",
    "metadata": {"name": "web", "namespace": "shop", "uid": "7", "labels": {"a": "b"}},
    "data": {"password": encoded(f"{PLANTED}0")},
    "type": "Opaque",
}
HIDDEN = json.dumps(LIVE).encode()
MARK = encoded(f"[masked, {len(PLANTED) + 1} bytes]")


@asynccontextmanager
async def asking(
    door: Door, answer: faulty_server.Answer, *, effects: Effects = MASKED
) -> AsyncIterator[tuple[FaultyServer, Client]]:
    notary = doors.Notes()
    async with (
        faulty_server.running(answer) as server,
        doors.visited(door, server.url, notary=notary, effects=effects) as visit,
        doors.connected(door, visit) as client,
    ):
        yield server, client
