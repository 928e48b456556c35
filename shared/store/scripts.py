"""Loads the Lua scripts: each state transition is one atomic step in Redis."""

from importlib import resources
from typing import Any

from redis.asyncio import Redis

from shared.store import key_names

WAKE_LIMIT = 10_000
"""Wake tokens kept per lane and tool: only hints, the queue behind them loses nothing."""
LISTED_JOBS = 5_000
"""Jobs of one principal that can be listed, the newest: some 700 kB, however fast they come."""
UNDELIVERED_S = 600
"""How long a result waits for the call that repeats the one which did not get it."""

_NAMES = (
    *("JOB", "REQUEST", "EVENTS", "RESPONSE", "QUEUED", "LEASES", "QUEUE", "WAKE", "WORKER", "TOOL_WORKERS"),
    *(
        "EXCLUSIVE",
        "REPEATABLE",
        "PRINCIPAL",
        "JOBS",
        "NOTICE",
        "CHANGES",
        "CONTROL",
        "ARQ_JOB",
        "ARQ_IN_PROGRESS",
        "ARQ_RETRY",
    ),
)
"""What the scripts know of `shared.store.key_names`."""
_NUMBERS = {"WAKE_LIMIT": WAKE_LIMIT, "LISTED_JOBS": LISTED_JOBS, "UNDELIVERED_S": UNDELIVERED_S}
_SCRIPTS = (
    *("submit", "pick", "claim", "append", "settle", "renew", "cancel", "sweep", "tidy", "announce"),
    *("deliver", "survey"),
)


def _read(name: str) -> str:
    return resources.files("shared.store").joinpath("lua", f"{name}.lua").read_text()


def _prelude() -> str:
    names = "\n".join(f"local {name} = '{getattr(key_names, name)}'" for name in _NAMES)
    numbers = "\n".join(f"local {name} = {value}" for name, value in _NUMBERS.items())
    return f"{names}\n{numbers}\n{_read('prelude')}\n"


def _source(name: str, prelude: str) -> str:
    # A full Redis must not end what runs: only what adds a job or its output may be refused
    # (https://redis.io/docs/latest/develop/programmability/lua-api/#script_flags).
    shebang = "" if name in ("submit", "append") else "#!lua flags=allow-oom\n"
    return f"{shebang}{prelude}{_read(name)}"


class Scripts:
    """The scripts, registered with one client; each is sent once and then called by its hash."""

    def __init__(self, redis: Redis) -> None:
        prelude = _prelude()
        self._scripts = {name: redis.register_script(_source(name, prelude)) for name in _SCRIPTS}

    async def call(self, name: str, *arguments: str | bytes | int) -> Any:
        return await self._scripts[name](args=arguments)
