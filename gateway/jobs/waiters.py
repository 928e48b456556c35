"""Serves all requests on this gateway that wait for a job's end or follow its output, with one subscription.

A gateway has one channel. A job's record names the gateways that wait for it, so the job's end is sent to their
channels, with the response if that is small. A waiter is named in the record before the job's state is read (a submit
does both in one step), so it cannot miss the end. Once a second all jobs are checked, in case a notice was lost.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

import structlog
from redis.asyncio import Redis

from gateway.jobs import unserved
from gateway.jobs.followers import Followers
from gateway.jobs.unserved import UnservedJobs
from shared.models import JobId, JobState
from shared.redis.redis_connection import UNAVAILABLE
from shared.restart_on_failure import restarted
from shared.store import key_names, notices
from shared.store.job_store import JobStore, StoredJob
from shared.store.notices import EndNotice

CHECK_INTERVAL_S = 1.0
STORE_TIMEOUT_S = 2.0
MESSAGE_POLL_S = 5.0
READ_BATCH = 200
MISSES_OF_A_GONE_JOB = 8
"""Number of reads in a row that do not find a job, after which the job counts as gone."""

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
        self.gateway_id = secrets.token_hex(8)
        self._store = store
        self._redis = redis
        self._unserved_jobs = unserved_jobs
        self._watches: dict[JobId, set[Watch]] = {}
        self._due: set[JobId] = set()
        self._followers = Followers()
        self._left: set[JobId] = set()
        """Followed jobs that no request follows any more."""
        self._wake = asyncio.Event()
        self.is_draining = False

    @property
    def waiting(self) -> int:
        return sum(len(watches) for watches in self._watches.values())

    @asynccontextmanager
    async def watch(
        self, job_id: JobId, *, is_new: bool = False, demanded_tool: str | None = None
    ) -> AsyncIterator[Watch]:
        """Watches the job for as long as the block runs.

        A new job is submitted inside the block, with `gateway_id` as its watcher, so it is not read here.
        """
        watch = Watch(is_new=is_new, demanded_tool=demanded_tool)
        if self.is_draining:
            watch.resolve(NoEnd.DRAINING)
        watches = self._watches.setdefault(job_id, set())
        watches.add(watch)
        try:
            if not is_new:
                await self._look(job_id, watch)
            yield watch
        finally:
            watches.discard(watch)
            if not watches and self._watches.get(job_id) is watches:
                del self._watches[job_id]

    @asynccontextmanager
    async def follow(self, job_id: JobId) -> AsyncIterator[asyncio.Event]:
        """Yields an event that is set at most a second after the job has printed something or changed its state.

        The event is also set when the gateway stops.
        """
        try:
            async with self._followers.woken(job_id) as (event, is_first):
                if is_first:
                    await self._begin_following(job_id)
                yield event
        finally:
            if not self._followers.follows(job_id):
                self._left.add(job_id)

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

    async def _look(self, job_id: JobId, watch: Watch) -> None:
        """Asks for notices of the job and shows it to the watch. After an error, the next check finds a missed end."""
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                watch.show(await self._store.watch(job_id, self.gateway_id))
        except UNAVAILABLE as error:
            log.warning("job not watched yet", error=type(error).__name__)

    async def _begin_following(self, job_id: JobId) -> None:
        """Asks for notices of the job's changes. After an error, the checks find the changes."""
        self._left.discard(job_id)
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                await self._store.follow(job_id, self.gateway_id)
        except UNAVAILABLE as error:
            log.warning("job not followed yet", error=type(error).__name__)

    async def _end_following_left(self) -> None:
        """Asks for no more notices of the jobs that nobody follows. After an error, the next check does."""
        left, self._left = self._left, set()
        ended = [job_id for job_id in left if not self._followers.follows(job_id)]
        if not ended:
            return
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                await self._store.unfollow(ended, self.gateway_id)
        except UNAVAILABLE as error:
            self._left.update(ended)
            log.warning("jobs still followed", jobs=len(ended), error=type(error).__name__)

    async def _listen(self) -> None:
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(key_names.gateway(self.gateway_id))
            while True:
                message = await pubsub.get_message(timeout=MESSAGE_POLL_S)
                if message is not None and message["type"] == "message":
                    self._notice(message["data"])
                elif message is not None:
                    self._make_up_for_gap()

    def _notice(self, data: bytes) -> None:
        notice = notices.read(data)
        if not isinstance(notice, EndNotice):
            self._followers.wake(notice)
        elif notice.has_response:
            for watch in self._watches.get(notice.job.record.id, ()):
                watch.show(notice.job)
        else:
            self.check(notice.job.record.id)

    def _make_up_for_gap(self) -> None:
        """Looks at all jobs after the subscription has begun, because no notice came before that."""
        for job_id in self._watches:
            self.check(job_id)
        self._followers.wake_all()

    async def _read_and_check(self) -> None:
        """Reads the jobs that are due, and once a second all watched jobs, even under load."""
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
        await self._end_following_left()
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
