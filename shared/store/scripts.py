"""Loads the Lua scripts: each state transition is one atomic step in Redis."""

from importlib import resources
from typing import Any

from redis.asyncio import Redis

from shared import keys

WAKE_LIMIT = 10_000
"""Wake tokens kept per lane and tool: only hints, the queue behind them loses nothing."""

_NAMES = (
    *("JOB", "REQUEST", "EVENTS", "RESPONSE", "QUEUED", "LEASES", "QUEUE", "WAKE", "WORKER", "TOOL_WORKERS"),
    *("EXCLUSIVE", "PRINCIPAL", "NOTICE", "CHANGES", "CONTROL", "ARQ_JOB", "ARQ_IN_PROGRESS", "ARQ_RETRY"),
)
"""What the scripts know of `shared.keys`."""


def _read(name: str) -> str:
    return resources.files("shared.store").joinpath("lua", f"{name}.lua").read_text()


def _prelude() -> str:
    names = "\n".join(f"local {name} = '{getattr(keys, name)}'" for name in _NAMES)
    return f"{names}\nlocal WAKE_LIMIT = {WAKE_LIMIT}\n{_read('prelude')}\n"


def _source(name: str, prelude: str) -> str:
    # A full Redis must not end what runs: only what adds a job or its output may be refused
    # (https://redis.io/docs/latest/develop/programmability/lua-api/#script_flags).
    shebang = "" if name in ("submit", "append") else "#!lua flags=allow-oom\n"
    return f"{shebang}{prelude}{_read(name)}"


class Scripts:
    """The scripts, registered with one client; each is sent once and then called by its hash."""

    def __init__(self, redis: Redis) -> None:
        prelude = _prelude()
        self._scripts = {
            name: redis.register_script(_source(name, prelude))
            for name in ("submit", "pick", "claim", "append", "settle", "renew", "cancel", "sweep", "tidy", "announce")
        }

    async def call(self, name: str, *arguments: str | bytes | int) -> Any:
        return await self._scripts[name](args=arguments)
