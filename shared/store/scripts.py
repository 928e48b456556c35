"""Loads and calls the Lua scripts. Each state transition is one script, and therefore atomic."""

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from shared.models import Lane
from shared.redis.replicas import Replicas
from shared.store import key_names

WAKE_LIMIT = 10_000
"""Wake tokens that are kept per lane and tool. They are only hints; the queue itself loses nothing."""
WALK_LIMIT = 1_000
"""Most queued jobs at which one take looks, so that it blocks Redis for a few milliseconds at most. If more jobs than
that wait for a tool that no worker has, they may delay jobs of other tools until they expire."""
WALK_PAGE = 50
ARRIVALS_IN_A_TURN = 65_536
"""Callers that may come at the present turn before it counts as one later."""
TAKE_AGAIN_S = 600
"""Seconds for which a worker may ask again for the jobs that it took last."""
NOTICE_BYTES = 16 * 1024
"""Longest sealed response that a notice contains, in bytes. A longer one is read after the notice."""
LISTED_JOBS = 5_000
"""Number of a principal's newest jobs that can be listed. The index takes at most some 700 kB."""
UNDELIVERED_S = 600
"""Seconds that an undelivered result is kept for a repeated call."""
ENTRY_BYTES = 100
"""Bytes that an event takes in Redis beside its sealed text, approximately."""
WORKER_RESTART_MS = 120_000
"""Milliseconds for which a worker that lives no more is remembered. Until then it may be restarting, which takes up to
90 s: a new worker asks each CLI for its version."""
ACKNOWLEDGED_IN_MS = 1_000
"""Longest wait for a replica's acknowledgement, in milliseconds."""

_NUMBERS = {
    "WAKE_LIMIT": WAKE_LIMIT,
    "WALK_LIMIT": WALK_LIMIT,
    "WALK_PAGE": WALK_PAGE,
    "ARRIVALS_IN_A_TURN": ARRIVALS_IN_A_TURN,
    "TAKE_AGAIN_S": TAKE_AGAIN_S,
    "NOTICE_BYTES": NOTICE_BYTES,
    "LISTED_JOBS": LISTED_JOBS,
    "UNDELIVERED_S": UNDELIVERED_S,
    "ENTRY_BYTES": ENTRY_BYTES,
    "WORKER_RESTART_MS": WORKER_RESTART_MS,
}
_SCRIPTS = (
    *("submit", "take", "give_back", "append", "settle", "tell", "renew", "cancel", "sweep", "announce"),
    *("deliver", "survey", "watch"),
)
_SAME_TEXT = {"note": "append"}
"""Name of a script → script with the same text. They differ in what they do when Redis is full."""


class NotAcknowledgedError(RedisError):
    """No replica has acknowledged a script in time. `answers` are the script's answers on the primary."""

    def __init__(self, answers: Sequence[Any]) -> None:
        super().__init__("no replica has acknowledged the write")
        self.answers = answers


def _read(name: str) -> str:
    return resources.files("shared.store").joinpath("lua", f"{name}.lua").read_text()


def _prelude() -> str:
    # Scripts can use every name of `shared.store.key_names`.
    names = "\n".join(f"local {name} = '{value}'" for name, value in vars(key_names).items() if name.isupper())
    numbers = "\n".join(f"local {name} = {value}" for name, value in _NUMBERS.items())
    lanes = ", ".join(f"'{lane}'" for lane in Lane)
    return f"{names}\n{numbers}\nlocal LANES = {{{lanes}}}\n{_read('prelude')}\n"


@cache
def _sources() -> dict[str, str]:
    prelude = _prelude()
    return {name: _source(name, prelude) for name in (*_SCRIPTS, *_SAME_TEXT)}


def _source(name: str, prelude: str) -> str:
    # A full Redis may refuse new jobs and output. It must not prevent running jobs from ending, nor their commands from
    # completing what they have begun to change
    # (https://redis.io/docs/latest/develop/programmability/lua-api/#script_flags).
    shebang = "" if name in ("submit", "append") else "#!lua flags=allow-oom\n"
    return f"{shebang}{prelude}{_read(_SAME_TEXT.get(name, name))}"


class Scripts:
    """The scripts of one client. Each is sent once and then called by its hash."""

    def __init__(self, redis: Redis, replicas: Replicas | None = None) -> None:
        self._redis = redis
        self.replicas = replicas or Replicas()
        self._scripts = {name: redis.register_script(source) for name, source in _sources().items()}

    async def call(self, name: str, *arguments: str | bytes | int) -> Any:
        return await self._scripts[name](args=arguments)

    async def call_unacknowledged(self, name: str, *arguments: str | bytes | int) -> list[Any]:
        """Calls a script whose answer begins with the number of replicas, once and without waiting for any of them."""
        _, answer = await self.call(name, *arguments)
        return [answer]

    async def call_acknowledged(self, name: str, *arguments: str | bytes | int) -> list[Any]:
        """Calls a script, and waits in the same round trip until the replicas that must have what it wrote have it.

        The script's answer begins with the number of replicas. If that shows that more of them must have it than were
        waited for, the call is repeated. Returns all answers; the last one is acknowledged. Raises
        `NotAcknowledgedError` if too few replicas have acknowledged the call in time.
        """
        answers: list[Any] = []
        while True:
            needed = self.replicas.needed
            acknowledged = 0
            if needed:
                (connected, answer), acknowledged = await self._loaded_and_waited(name, arguments, needed=needed)
            else:
                connected, answer = await self.call(name, *arguments)
            self.replicas.seen(connected)
            answers.append(answer)
            if acknowledged < needed:
                raise NotAcknowledgedError(answers)
            if acknowledged >= self.replicas.needed:
                return answers

    async def _loaded_and_waited(
        self, name: str, arguments: Sequence[str | bytes | int], *, needed: int
    ) -> tuple[Any, int]:
        try:
            return await self._call_and_wait(name, arguments, needed=needed)
        except NoScriptError:
            await self._redis.script_load(self._scripts[name].script)
            return await self._call_and_wait(name, arguments, needed=needed)

    async def _call_and_wait(
        self, name: str, arguments: Sequence[str | bytes | int], *, needed: int
    ) -> tuple[Any, int]:
        """Sends the script and WAIT on one connection, for WAIT speaks of what its connection has written."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.execute_command("EVALSHA", self._scripts[name].sha, 0, *arguments)
            pipe.execute_command("WAIT", needed, ACKNOWLEDGED_IN_MS)
            # redis-py's own error would quote the script's arguments.
            answers = await pipe.execute(raise_on_error=False)
        for each in answers:
            if isinstance(each, Exception):
                raise each
        answer, acknowledged = answers
        return answer, acknowledged
