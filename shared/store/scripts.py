"""Loads the Lua scripts. Each state transition is one script, and therefore atomic."""

from importlib import resources
from typing import Any

from redis.asyncio import Redis

from shared.store import key_names

WAKE_LIMIT = 10_000
"""Wake tokens that are kept per lane and tool. They are only hints; the queue itself loses nothing."""
LISTED_JOBS = 5_000
"""Number of a principal's newest jobs that can be listed. The index takes at most some 700 kB."""
UNDELIVERED_S = 600
"""Seconds that an undelivered result is kept for a repeated call."""

_NUMBERS = {"WAKE_LIMIT": WAKE_LIMIT, "LISTED_JOBS": LISTED_JOBS, "UNDELIVERED_S": UNDELIVERED_S}
_SCRIPTS = (
    *("submit", "pick", "claim", "append", "settle", "renew", "cancel", "sweep", "tidy", "announce"),
    *("deliver", "survey"),
)


def _read(name: str) -> str:
    return resources.files("shared.store").joinpath("lua", f"{name}.lua").read_text()


def _prelude() -> str:
    # Scripts can use every name of `shared.store.key_names`.
    names = "\n".join(f"local {name} = '{value}'" for name, value in vars(key_names).items() if name.isupper())
    numbers = "\n".join(f"local {name} = {value}" for name, value in _NUMBERS.items())
    return f"{names}\n{numbers}\n{_read('prelude')}\n"


def _source(name: str, prelude: str) -> str:
    # A full Redis may refuse new jobs and output, but must not prevent running jobs from ending
    # (https://redis.io/docs/latest/develop/programmability/lua-api/#script_flags).
    shebang = "" if name in ("submit", "append") else "#!lua flags=allow-oom\n"
    return f"{shebang}{prelude}{_read(name)}"


class Scripts:
    """The scripts of one client. Each is sent once and then called by its hash."""

    def __init__(self, redis: Redis) -> None:
        prelude = _prelude()
        self._scripts = {name: redis.register_script(_source(name, prelude)) for name in _SCRIPTS}

    async def call(self, name: str, *arguments: str | bytes | int) -> Any:
        return await self._scripts[name](args=arguments)
