"""Serves all requests on this gateway that wait for a job's end or follow its output, with one subscription connection.

A waiter subscribes to its job's channel before the job's state is read, so it cannot miss the end. Notices lead to one
batched read for all waiters. Once a second all jobs are checked, in case a notice was lost.
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
"""Number of reads in a row that do not find a job, after which the job counts as gone."""

FINAL_STATES = frozenset(state.encode() for state in JobState if state.is_final)

log = structlog.get_logger()


class NoEnd(StrEnum):
    """Why a watch ended although its job did not."""

    GONE = "gone"
    """The job's record is no longer there."""
    UNSEEN = "unseen"
    """The job must have ended, but Redis was not available to tell how."""
    DRAINING = "draining"
    """This gateway stops. The job continues."""
    NO_WORKER = "no-worker"
    """The last worker with the tool died before it took the job. The job was cancelled and has not run."""


class Watch:
    """One request that waits for a job. The submitter of the job sets `is_submitted`; no read finds the job before."""

    def __init__(self, *, is_new: bool, demanded_tool: str | None) -> None:
        self.is_new = is_new
        self.is_submitted = not is_new
        self.demanded_tool = demanded_tool
        """Tool that a live worker must have while the job is queued; None if the waiter also waits for a worker."""
        self.is_queued = False
        """Whether the job was queued at the last read."""
        self._end: asyncio.Future[StoredJob | NoEnd] = asyncio.get_running_loop().create_future()
        self._misses = 0

    async def ended(self, timeout_s: float | None) -> StoredJob | NoEnd | None:
        """Returns the finished job, or why the watch ended without it; None after `timeout_s`."""
        await asyncio.wait({self._end}, timeout=timeout_s)
        return self._end.result() if self._end.done() else None

    def show(self, stored: StoredJob | None) -> None:
        """Takes the result of a read. A job that is being submitted may be missing for a while."""
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
    """The waiters of one gateway process. `run` must run while a request waits."""

    def __init__(self, store: JobStore, redis: Redis, unserved_jobs: UnservedJobs) -> None:
        self._store = store
        self._redis = redis
        self._unserved_jobs = unserved_jobs
        self._watches: dict[JobId, set[Watch]] = {}
        self._due: set[JobId] = set()
        self._followers = Followers()
        self._left: set[str] = set()
        """Subscribed channels that no waiter or follower needs any more."""
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

        A new job is submitted inside the block, so it cannot have ended before the subscription and is not read then.
        If its notice is lost, the next check finds its end.
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
        """Yields an event that is set at most a second after the job has printed something or changed its state.

        The event is also set when the gateway stops.
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
        """Schedules a read of the job, if it is watched."""
        if job_id in self._watches:
            self._due.add(job_id)
            self._wake.set()

    def release(self) -> None:
        """Ends all watches, and each later watch at once, because this gateway stops."""
        self.is_draining = True
        for watch in [watch for watches in self._watches.values() for watch in watches]:
            watch.resolve(NoEnd.DRAINING)
        self._followers.wake_all()

    async def run(self) -> None:
        """Listens for notices and reads jobs until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(restarted(self._listen, "listen for notices"), name="listen for notices")
            group.create_task(restarted(self._read_and_check, "read finished jobs"), name="read finished jobs")

    async def _subscribe(self, channel: str) -> bool:
        """Returns False if the channel is subscribed already.

        An error is only logged: subscriptions are renewed with the connection, and the next check finds missed ends.
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
        """Unsubscribes from all channels at once, because one command for each job would delay the next jobs."""
        left, self._left = self._left, set()
        if self._pubsub is not None and left:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                await self._pubsub.unsubscribe(*left)

    async def _listen(self) -> None:
        async with self._redis.pubsub() as pubsub:
            # A channel without messages keeps the connection open while no request waits.
            await pubsub.subscribe(key_names.NOTICE)
            # New waiters subscribe from here on; the channels of present waiters are subscribed below.
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
        # Changes before the subscription have sent no notice to this gateway.
        is_gap = kind == "subscribe" and not all(watch.is_new for watch in self._watches.get(job_id, ()))
        if is_end or is_gap:
            self.check(job_id)

    async def _read_and_check(self) -> None:
        """Reads the jobs of notices as they come, and once a second all watched jobs, even under load."""
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
