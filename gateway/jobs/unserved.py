"""Ends queued jobs whose callers wait, after the last worker with their tool has died.

A caller that submits after that is refused at once. Without this module, a caller that submitted just before would wait
for the job's whole queue wait. Jobs without a waiting caller stay queued for workers that start later.
"""

from collections.abc import Callable, Mapping

import structlog

from shared.models import JobId
from shared.store.job_store import CancelScope, JobStore
from shared.store.workers import WorkerRegistry

REASON = "no live worker had the tool any more"

log = structlog.get_logger()


class UnservedJobs:
    """`in_contact` tells whether Redis was available for so long that every live worker has announced itself."""

    def __init__(self, store: JobStore, workers: WorkerRegistry, in_contact: Callable[[], bool]) -> None:
        self._store = store
        self._workers = workers
        self._in_contact = in_contact

    async def end(self, queued: Mapping[JobId, str]) -> None:
        """Cancels the jobs (id → tool) that are still queued and that no live worker can take.

        Does nothing after an outage of Redis, in which the announcements of live workers expire.
        """
        if not queued or not self._in_contact():
            return
        served = await self._workers.served()
        for job_id, tool in queued.items():
            if tool not in served:
                state = await self._store.cancel(job_id, reason=REASON, scope=CancelScope.QUEUED)
                log.info("job has no worker any more", job_id=job_id, tool=tool, state=state)
