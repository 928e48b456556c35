"""Ends jobs that wait for a worker after the last one with their tool has died, for callers who wait with them.

At submit such a caller is refused at once; without this, one who came a moment before the worker died would sit out
the job's whole queue wait. What is not for us: jobs that nobody waits for, which workers may come for later.
"""

from collections.abc import Callable, Mapping

import structlog

from shared.models import JobId
from shared.store.job_store import CancelScope, JobStore
from shared.store.workers import WorkerRegistry

REASON = "no live worker had the tool any more"

log = structlog.get_logger()


class UnservedJobs:
    """`in_contact` says whether Redis has answered for so long that every living worker has announced itself."""

    def __init__(self, store: JobStore, workers: WorkerRegistry, in_contact: Callable[[], bool]) -> None:
        self._store = store
        self._workers = workers
        self._in_contact = in_contact

    async def end(self, queued: Mapping[JobId, str]) -> None:
        """Cancels those of the queued jobs (with their tools) that no live worker can take, if they still are queued.

        An outage of Redis is not the death of all workers: their announcements end in it all the same.
        """
        if not queued or not self._in_contact():
            return
        served = await self._workers.served(set(queued.values()))
        for job_id, tool in queued.items():
            if tool not in served:
                state = await self._store.cancel(job_id, reason=REASON, scope=CancelScope.QUEUED)
                log.info("job has no worker any more", job_id=job_id, tool=tool, state=state)
