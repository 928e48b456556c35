"""What the door itself asks an API server."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.effects import UNLIMITED
from worker.door import forwarding
from worker.door.http.errors import ServerError
from worker.door.http.request_target import Target
from worker.door.visits.visit import Visit


async def test_question_to_a_stalled_server_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connection(**_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(forwarding, "ASK_TIMEOUT_S", 0.01)
    route = SimpleNamespace(prefix="", added_headers={})
    visit = SimpleNamespace(route=route, effects=UNLIMITED, connection=connection)
    with pytest.raises(ServerError, match="i/o timeout"):
        await forwarding.ask(cast(Visit, visit), Target("", "/version", ()), most_bytes=1)
