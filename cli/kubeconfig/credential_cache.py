"""Caches the output of credential programs in memory until shortly before it expires.

Concurrent calls that need the same credential share one run of the program, and its failure.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cli.errors import StartError
from cli.kubeconfig import exec_plugin
from cli.kubeconfig.exec_credential import Credential
from cli.kubeconfig.exec_plugin import ExecPlugin

LONGEST_MARGIN = timedelta(seconds=60)
MARGIN_SHARE = 0.1
"""Margin as a share of a credential's lifetime: a credential that lives for a minute must be usable twice."""
MAX_PLUGINS = 64
"""Largest number of cached credentials: a kubeconfig that is rewritten often must not fill the memory."""

Run = Callable[[ExecPlugin], Awaitable[Credential]]


@dataclass(slots=True)
class _Entry:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    credential: Credential | None = None
    use_until: datetime | None = None
    failure: StartError | None = None
    failed_at_s: float = 0.0


class CredentialCache:
    """Cache of one process. Nothing is written to disk."""

    def __init__(self, run: Run = exec_plugin.run, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._run = run
        self._clock = clock
        self._entries: dict[ExecPlugin, _Entry] = {}

    async def credential(self, plugin: ExecPlugin) -> Credential:
        """Returns a credential that does not expire soon, as far as its end is known. Raises `StartError`."""
        asked_at_s = time.monotonic()
        entry = self._entry(plugin)
        async with entry.lock:
            if entry.credential is not None and entry.use_until is not None and self._clock() < entry.use_until:
                return entry.credential
            if entry.failure is not None and entry.failed_at_s >= asked_at_s:
                raise entry.failure
            try:
                entry.credential = await self._run(plugin)
            except StartError as error:
                entry.failure, entry.failed_at_s = error, time.monotonic()
                raise
            entry.use_until = self._use_until(entry.credential)
            return entry.credential

    def renewal_in_s(self) -> float | None:
        """Returns the seconds until the first credential must be renewed, negative if that is overdue.

        Returns None if no credential is known to expire.
        """
        ends = [entry.use_until for entry in self._entries.values() if entry.use_until is not None]
        return (min(ends) - self._clock()).total_seconds() if ends else None

    def _entry(self, plugin: ExecPlugin) -> _Entry:
        entry = self._entries.pop(plugin, None) or _Entry()
        self._entries[plugin] = entry
        while len(self._entries) > MAX_PLUGINS:
            del self._entries[next(iter(self._entries))]
        return entry

    def _use_until(self, credential: Credential) -> datetime | None:
        """Returns None if the end is not known; then the program runs for each call, as in kubectl."""
        if credential.expires_at is None:
            return None
        life = credential.expires_at - self._clock()
        return credential.expires_at - min(LONGEST_MARGIN, life * MARGIN_SHARE)
