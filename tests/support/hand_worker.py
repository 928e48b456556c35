"""What a worker does to a job, done by hand: for tests of a gateway that must see a job in one exact state."""

from collections.abc import Sequence

from redis.asyncio import Redis

from shared.changes import Change, Changes
from shared.events import EventKind, OutputEvent, last_before
from shared.models import CommandResponse, JobId, JobState
from shared.sealing.envelope import RequestEnvelope
from shared.sealing.fernet_keys import DataKey, MasterKeys, Purpose
from shared.store import key_names
from shared.store.attempts import Claim, Ending, SealedEvent
from shared.store.job_store import JobStore
from shared.store.workers import Announcement, WorkerRegistry
from tests.support.jobs import taken

WORKER_ID = "hand"
TOOLS = ("kubectl", "helm", "stub")
VERSION = "1.0"
LIFETIME_S = 300


class HandWorker:
    """Claims and settles jobs of a gateway that has the same master key."""

    def __init__(self, redis: Redis, master_key: str) -> None:
        self._redis = redis
        self.store = JobStore(redis)
        self._registry = WorkerRegistry(redis)
        self._master_keys = MasterKeys([master_key])
        self._announced: Announcement | None = None
        self._progress: dict[JobId, int] = {}
        """Job id → sequence number of its newest progress event."""

    async def announce(self, *tools: str) -> None:
        """Is alive for as long as any test runs, as far as anybody can see."""
        versions = dict.fromkeys(tools or TOOLS, VERSION)
        self._announced = Announcement(worker_id=WORKER_ID, tools=versions, slots={}, running=0, sandbox="none")
        await self._registry.announce(self._announced)
        now_s, _ = await self._redis.time()
        async with self._redis.pipeline() as pipe:
            pipe.expire(key_names.WORKER + WORKER_ID, LIFETIME_S)
            pipe.zadd(key_names.WORKERS, {" ".join((WORKER_ID, *versions)): (now_s + LIFETIME_S) * 1000})
            await pipe.execute()

    async def withdraw(self) -> None:
        """Ends in good order, after an announcement."""
        assert self._announced is not None
        await self._registry.withdraw(self._announced)

    async def die(self) -> None:
        """Is alive no more, as far as anybody can see: its announcement has ended."""
        await self._redis.delete(key_names.WORKERS)

    async def claim(self, job_id: str) -> Claim:
        claim = await taken(self.store, self._redis, JobId(job_id), worker_id=WORKER_ID)
        assert claim is not None
        return claim

    def output_key(self, claim: Claim) -> DataKey:
        return self._master_keys.unwrap(claim.record.output_key, claim.record.identity, Purpose.OUTPUT_KEY)

    async def write(self, claim: Claim, *output: tuple[EventKind, bytes]) -> None:
        """Streams output, as the job's first events."""
        assert await self.store.append(claim.attempt, self.events(claim, output))

    def events(self, claim: Claim, output: Sequence[tuple[EventKind, bytes]]) -> list[SealedEvent]:
        key = self.output_key(claim)
        before: dict[EventKind, int] = {}
        texts = []
        first = last_before(claim.record.attempt) + 1
        progress = 0
        for number, (kind, data) in enumerate(output, first):
            event = OutputEvent.from_bytes(kind, 0, data, before=before, progress=progress)
            texts.append(event.model_dump_json())
            before[kind] = before.get(kind, 0) + len(data)
            progress = number if kind is EventKind.PROGRESS else progress
        self._progress[claim.attempt.job_id] = progress
        changes = [Change.model_validate_json(data).number if kind is EventKind.CHANGE else 0 for kind, data in output]
        return [
            SealedEvent(number, key.seal(text.encode(), Purpose.EVENT, number), change)
            for number, (text, change) in enumerate(zip(texts, changes, strict=True), first)
        ]

    async def settle(
        self,
        claim: Claim,
        *,
        state: JobState = JobState.SUCCEEDED,
        output: str = "done",
        changes: Changes | None = None,
    ) -> None:
        response = CommandResponse(
            success=state is JobState.SUCCEEDED,
            output=output,
            error=None,
            exit_code=0 if state is JobState.SUCCEEDED else 1,
            job_id=claim.attempt.job_id,
            state=state,
            duration_ms=5,
            changes=changes,
        )
        sealed = self.output_key(claim).seal(response.model_dump_json().encode(), Purpose.RESPONSE)
        progress = self._progress.get(claim.attempt.job_id, 0)
        assert await self.store.settle(claim.attempt, Ending(state, "", sealed, progress=progress))

    async def finish(self, job_id: str, *, output: str = "done") -> None:
        """Runs the whole job."""
        await self.settle(await self.claim(job_id), output=output)

    def request(self, claim: Claim) -> RequestEnvelope:
        """What the gateway sealed for the worker."""
        assert claim.record.request_key is not None
        key = self._master_keys.unwrap(claim.record.request_key, claim.record.identity, Purpose.REQUEST_KEY)
        return RequestEnvelope.model_validate_json(key.open(claim.request, Purpose.REQUEST))
