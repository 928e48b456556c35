"""Keeps the data that CLIs learnt about API servers, for the next command of the same caller against the same cluster.

Without this cache each command first asks for the server's groups and kinds. Commands share files only if principal,
cluster and credentials are the same, and never if the kubeconfig contains no secret. The cache lies in the worker's
own directory and is removed with it.
"""

import asyncio
import hmac
import json
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from shared.models import CommandClass
from shared.sealing.envelope import RequestEnvelope
from worker.run import discovery_files
from worker.run.discovery_files import TooMuchError

MAX_AGE_S = 600.0
"""Seconds that a snapshot is kept. CLIs look up new kinds by themselves, but not changed or removed ones."""
SECRETS = ("token", "client-key-data", "password")
"""Fields of a kubeconfig's user that prove an identity. Without one of them, a command shares no files."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """Limits of the cache. The snapshot that was not used for longest is removed first."""

    callers: int = 256
    total_bytes: int = 64 * 1024 * 1024
    """Bytes of all snapshots; memory in a container. A bare cluster takes 150 KiB, an OpenAPI document up to 1 MiB."""
    caller_bytes: int = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Files that a command of the caller left. A snapshot never changes."""

    folder: Path
    sizes: Mapping[str, int]
    """Relative path → size in bytes."""
    size_bytes: int
    learnt_at: float
    """Earliest time at which the oldest file may have been written, in seconds of the monotonic clock."""


@dataclass(slots=True)
class Loan:
    """The snapshot that was lent to one command in its HOME, if any."""

    key: bytes = field(repr=False)
    home: Path
    lent_at: float
    snapshot: Snapshot | None = None
    is_back: bool = False

    @property
    def readable(self) -> tuple[str, ...]:
        """The paths that the command must be able to read."""
        return (str(self.snapshot.folder),) if self.snapshot else ()


class DiscoveryCache:
    """The discovery cache of one worker."""

    def __init__(
        self, folder: Path, limits: CacheLimits | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._limits = limits or CacheLimits()
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._snapshots: dict[bytes, Snapshot] = {}
        """Caller's key → snapshot, the most recently used one last."""
        self._made = 0

    async def lend(self, principal: str, envelope: RequestEnvelope, home: Path) -> Loan | None:
        """Puts the caller's snapshot into a fresh HOME. Returns None if the command cannot use the cache."""
        key = self._key(principal, envelope)
        if key is None:
            return None
        loan = Loan(key, home, self._clock())
        found = self._snapshots.pop(key, None)
        if found is None:
            return loan
        if loan.lent_at - found.learnt_at > MAX_AGE_S:
            await _remove(found)
            return loan
        self._snapshots[key] = found
        try:
            await asyncio.to_thread(discovery_files.lend, found.folder, found.sizes, home)
        except OSError as error:
            log.warning("discovery cache not lent", error=type(error).__name__)
        else:
            loan.snapshot = found
        return loan

    async def take_back(self, loan: Loan | None) -> None:
        """Keeps the files that the command left in its HOME. Call it once, after the command's processes have ended."""
        if loan is None or loan.is_back:
            return
        loan.is_back = True
        if not discovery_files.may_be_in(loan.home):
            return
        learnt_at = loan.snapshot.learnt_at if loan.snapshot else loan.lent_at
        if self._clock() - learnt_at > MAX_AGE_S:
            return
        self._made += 1
        folder = self._folder / str(self._made)
        try:
            sizes = await asyncio.to_thread(self._take, loan, folder)
        except (OSError, TooMuchError) as error:
            log.info("discovery cache not kept", error=type(error).__name__)
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            return
        if sizes:
            await self._keep(loan.key, Snapshot(folder, sizes, sum(sizes.values()), learnt_at))

    def _take(self, loan: Loan, folder: Path) -> dict[str, int]:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        lent = (loan.snapshot.folder, loan.snapshot.sizes) if loan.snapshot else None
        return discovery_files.take(loan.home, folder, lent=lent, most_bytes=self._limits.caller_bytes)

    async def _keep(self, key: bytes, snapshot: Snapshot) -> None:
        # A command that still uses the removed files finds broken links and asks the server.
        going = [self._snapshots.pop(key)] if key in self._snapshots else []
        self._snapshots[key] = snapshot
        while self._is_full():
            going.append(self._snapshots.pop(next(iter(self._snapshots))))
        for gone in going:
            await _remove(gone)

    def _is_full(self) -> bool:
        kept = self._snapshots.values()
        return len(kept) > self._limits.callers or sum(each.size_bytes for each in kept) > self._limits.total_bytes

    def _key(self, principal: str, envelope: RequestEnvelope) -> bytes | None:
        """Returns a key that tells callers apart. It is useless outside this process."""
        kubeconfig = envelope.command.kubeconfig
        if kubeconfig is None or envelope.command_class is CommandClass.LOCAL:
            return None
        try:
            document = json.loads(kubeconfig)
            [cluster], users = document["clusters"], document["users"]
            [user] = users
            credentials = user["user"]
            if not any(credentials.get(name) for name in SECRETS):
                return None
            caller = json.dumps([principal, cluster["cluster"], credentials], sort_keys=True)
        except (ValueError, KeyError, TypeError, AttributeError):
            return None  # the gateway never rebuilds a kubeconfig like this
        return hmac.digest(self._secret, caller.encode(), "sha256")


async def _remove(snapshot: Snapshot) -> None:
    await asyncio.to_thread(shutil.rmtree, snapshot.folder, ignore_errors=True)
