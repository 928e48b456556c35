"""Everyone on this gateway who waits for a job's end or follows its output, on one subscription connection.

A waiter subscribes to its job's channel before the job's state is read, so no end is missed between the two. Notices
are turned into one batched read for all waiters, and a sweep each second covers notices that were lost.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from gateway.jobs import unserved
from gateway.jobs.followers import Followers
from gateway.jobs.unserved import UnservedJobs
from shared.models import JobId, JobState
from shared.restart_on_failure import restarted
from shared.store import key_names
from shared.store.job_store import JobStore, StoredJob

CHECK_INTERVAL_S = 1.0
STORE_TIMEOUT_S = 2.0
MESSAGE_POLL_S = 5.0
READ_BATCH = 200
MISSES_OF_A_GONE_JOB = 8
"""Reads in a row, a second apart at the most often."""

FINAL_STATES = frozenset(state.encode() for state in JobState if state.is_final)

log = structlog.get_logger()


class NoEnd(StrEnum):
    """Why a watch ended although its job did not."""

    GONE = "gone"
    """The job's record is no longer there."""
    UNSEEN = "unseen"
    """It must have ended long ago, and Redis has not been there to say how."""
    DRAINING = "draining"
    """This gateway stops; the job goes on."""
    NO_WORKER = "no-worker"
    """The last worker that could take it died first; it is cancelled, and nothing has run."""


class Watch:
    """One waiter's place. Whoever submits the job says when it `is_submitted`: before, no read can find it."""

    def __init__(self, *, is_new: bool, demanded_tool: str | None) -> None:
        self.is_new = is_new
        self.is_submitted = not is_new
        self.demanded_tool = demanded_tool
        """What a live worker must have while the job is queued; None for who waits for workers to come too."""
        self.is_queued = False
        """Whether the last read found it queued."""
        self._end: asyncio.Future[StoredJob | NoEnd] = asyncio.get_running_loop().create_future()
        self._misses = 0

    async def ended(self, timeout_s: float | None) -> StoredJob | NoEnd | None:
        """The finished job, or why there is none; None when the time is over."""
        await asyncio.wait({self._end}, timeout=timeout_s)
        return self._end.result() if self._end.done() else None

    def show(self, stored: StoredJob | None) -> None:
        """Takes what a read found; a job that is only being submitted is missing for a while."""
        self._misses = self._misses + 1 if stored is None and self.is_submitted else 0
        self.is_queued = stored is not None and stored.record.state is JobState.QUEUED
        if stored is not None and stored.record.state.is_final:
            was_unserved = self.demanded_tool is not None and stored.record.reason == unserved.REASON
            self.resolve(NoEnd.NO_WORKER if was_unserved else stored)
        elif self._misses >= MISSES_OF_A_GONE_JOB:
            self.resolve(NoEnd.GONE)

    def resolve(self, end: StoredJob | NoEnd) -> None:
        if not self._end.done():
            self._end.set_result(end)


class JobWaiters:
    """Waiters of one gateway process; `run` must run while anyone waits."""

    def __init__(self, store: JobStore, redis: Redis, unserved_jobs: UnservedJobs) -> None:
        self._store = store
        self._redis = redis
        self._unserved_jobs = unserved_jobs
        self._watches: dict[JobId, set[Watch]] = {}
        self._due: set[JobId] = set()
        self._followers = Followers()
        self._left: set[str] = set()
        """Channels that nobody needs any more."""
        self._wake = asyncio.Event()
        self._pubsub: PubSub | None = None
        self.is_draining = False

    @property
    def waiting(self) -> int:
        return sum(len(watches) for watches in self._watches.values())

    @asynccontextmanager
    async def watch(
        self, job_id: JobId, *, is_new: bool = False, demanded_tool: str | None = None
    ) -> AsyncIterator[Watch]:
        """Subscribes for as long as the block runs.

        A new job is submitted inside of the block: it is not read when the subscription stands, for it cannot have
        ended before, and if a notice is lost all the same the sweep finds it.
        """
        watch = Watch(is_new=is_new, demanded_tool=demanded_tool)
        if self.is_draining:
            watch.resolve(NoEnd.DRAINING)
        watches = self._watches.setdefault(job_id, set())
        watches.add(watch)
        try:
            if len(watches) > 1 or not await self._subscribe(key_names.notice(job_id)):
                self.check(job_id)
            yield watch
        finally:
            watches.discard(watch)
            if not watches and self._watches.get(job_id) is watches:
                del self._watches[job_id]
                self._left.add(key_names.notice(job_id))

    @asynccontextmanager
    async def follow(self, job_id: JobId) -> AsyncIterator[asyncio.Event]:
        """An event that is set when the job has printed something or changed its state, within a second at the latest.

        It is set when the gateway stops too.
        """
        try:
            async with self._followers.woken(job_id) as (event, is_first):
                if is_first:
                    await self._subscribe(key_names.changes(job_id))
                yield event
        finally:
            if not self._followers.follows(job_id):
                self._left.add(key_names.changes(job_id))

    def check(self, job_id: JobId) -> None:
        """Reads the job soon, if it is watched."""
        if job_id in self._watches:
            self._due.add(job_id)
            self._wake.set()

    def release(self) -> None:
        """Ends every watch, now and later: this gateway stops."""
        self.is_draining = True
        for watch in [watch for watches in self._watches.values() for watch in watches]:
            watch.resolve(NoEnd.DRAINING)
        self._followers.wake_all()

    async def run(self) -> None:
        """Listens, reads and sweeps until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(restarted(self._listen, "listen for notices"), name="listen for notices")
            group.create_task(restarted(self._read_and_check, "read finished jobs"), name="read finished jobs")

    async def _subscribe(self, channel: str) -> bool:
        """False where the subscription stands already.

        Best effort: after a lost connection the subscriptions are renewed, and the sweep covers the gap.
        """
        if channel in self._left:
            self._left.discard(channel)
            return False
        if self._pubsub is None:
            return True
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                await self._pubsub.subscribe(channel)
        except Exception as error:  # noqa: BLE001 - redis-py may be reconnecting in the listener at the same moment
            log.warning("subscription failed", error=type(error).__name__)
        return True

    async def _unsubscribe_left(self) -> None:
        """All at once, for a command per finished job would be on the way of the next one."""
        left, self._left = self._left, set()
        if self._pubsub is not None and left:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                await self._pubsub.unsubscribe(*left)

    async def _listen(self) -> None:
        async with self._redis.pubsub() as pubsub:
            # One channel that nobody writes to keeps the connection while no one waits.
            await pubsub.subscribe(key_names.NOTICE)
            # From here on who begins to wait subscribes by himself; who waits already is subscribed now.
            self._pubsub = pubsub
            self._left.clear()
            try:
                if channels := [*map(key_names.notice, self._watches), *self._followers.channels]:
                    await pubsub.subscribe(*channels)
                while True:
                    message = await pubsub.get_message(timeout=MESSAGE_POLL_S)
                    if message is not None:
                        self._notice(message["type"], message["channel"], message["data"])
            finally:
                self._pubsub = None

    def _notice(self, kind: str, channel: bytes, data: bytes | int) -> None:
        name = channel.decode()
        if name.startswith(key_names.CHANGES):
            self._followers.wake(JobId(name.removeprefix(key_names.CHANGES)))
            return
        job_id = JobId(name.removeprefix(key_names.NOTICE))
        is_end = kind == "message" and data in FINAL_STATES
        # What happened before the subscription stood was not noticed.
        is_gap = kind == "subscribe" and not all(watch.is_new for watch in self._watches.get(job_id, ()))
        if is_end or is_gap:
            self.check(job_id)

    async def _read_and_check(self) -> None:
        """Reads what notices name as they come, and once a second all that is waited for, however busy it is."""
        clock = asyncio.get_running_loop().time
        check_at = clock() + CHECK_INTERVAL_S
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(check_at):
                    await self._wake.wait()
            if clock() >= check_at:
                check_at = clock() + CHECK_INTERVAL_S
                await self._check_all()
            else:
                await self._read_due()

    async def _check_all(self) -> None:
        await self._unsubscribe_left()
        await self._check_followed()
        self._due.update(self._watches)
        await self._read_due()
        demanded = {
            job_id: watch.demanded_tool
            for job_id, watches in self._watches.items()
            for watch in watches
            if watch.is_queued and watch.demanded_tool is not None
        }
        async with asyncio.timeout(STORE_TIMEOUT_S):
            await self._unserved_jobs.end(demanded)

    async def _check_followed(self) -> None:
        followed = self._followers.job_ids
        for first in range(0, len(followed), READ_BATCH):
            batch = followed[first : first + READ_BATCH]
            async with asyncio.timeout(STORE_TIMEOUT_S):
                found = await self._store.progress(batch)
            for job_id, progress in zip(batch, found, strict=True):
                self._followers.show(job_id, progress)

    async def _read_due(self) -> None:
        self._wake.clear()
        due, self._due = list(self._due), set()
        for first in range(0, len(due), READ_BATCH):
            await self._read(due[first : first + READ_BATCH])

    async def _read(self, job_ids: list[JobId]) -> None:
        async with asyncio.timeout(STORE_TIMEOUT_S):
            found = await self._store.read(job_ids)
        for job_id, stored in zip(job_ids, found, strict=True):
            for watch in self._watches.get(job_id, ()):
                watch.show(stored)
