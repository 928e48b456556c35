"""Any sequence of calls by any number of workers, callers and sweepers, against a model of the states.

Whatever happens: a finished job never changes again, at most one attempt holds a job, a write whose claim the server
has lost ends when its worker shows it, an empty queue has no turns, and nothing outlives its TTL.
"""

from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, invariant, multiple, rule
from redis.asyncio import Redis

from shared.models import CommandClass, JobId, JobState, Lane
from shared.store import key_names
from shared.store.attempts import Attempt, Renewal
from shared.store.job_store import CancelScope, Delivered, StoredJob
from shared.store.submits import Accepted, NewJob
from tests.support import leftovers, state_machines
from tests.support.jobs import PAST_MS, TOOL, WORKER_ID, Jobs, ending, new_job, sealed_events
from tests.support.state_machines import AsyncMachine
from tests.support.valkey import Valkey

ENDS_OF_A_RUN = [JobState.SUCCEEDED, JobState.FAILED, JobState.TIMED_OUT, JobState.CANCELLED, JobState.LOST]
EXAMPLES = 40
STEPS = 30
MOST = 3
"""Slots of a worker."""


class Model:
    """What the store must know of one job."""

    def __init__(self, job: NewJob) -> None:
        self.job = job
        self.state = JobState.QUEUED
        self.holder: Attempt | None = None
        self.settled_by: Attempt | None = None
        self.cancel_asked = False
        self.is_overdue = False
        self.lease_ended = False
        self.newest_event = 0
        self.attempt = 0
        self.end: StoredJob | None = None

    def finish(self, state: JobState) -> None:
        self.state, self.holder = state, None

    def begin_again(self) -> None:
        self.queue()
        self.newest_event, self.is_overdue = 0, False

    def queue(self) -> None:
        self.finish(JobState.QUEUED)
        self.lease_ended = False

    def hold(self, attempt: Attempt) -> None:
        self.state, self.holder = JobState.RUNNING, attempt
        self.attempt += 1

    def disown(self) -> None:
        """A worker shows an attempt that does not hold the job."""
        if self.state is JobState.QUEUED and self.attempt == 0 and self.job.command_class is not CommandClass.READ:
            self.finish(JobState.LOST)

    @property
    def may_begin_again(self) -> bool:
        is_read = self.job.command_class is CommandClass.READ
        return is_read and self.attempt == 1 and not self.cancel_asked and not self.is_overdue


class Transitions(AsyncMachine):
    url: ClassVar[str]
    jobs = Bundle("jobs")
    attempts = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.redis = Redis.from_url(self.url)
        self.store_of = Jobs(self.redis)
        self.store = self.store_of.store
        self.models: dict[JobId, Model] = {}
        self.fence = 0
        self.last_taken: dict[Lane, tuple[int, list[Attempt]]] = {}
        self.run(self.redis.flushall())

    def teardown(self) -> None:
        try:
            assert self.run(leftovers.immortal_keys(self.redis)) == []
        finally:
            self.run(self.redis.aclose())
            self.runner.close()

    @rule(
        target=jobs,
        command_class=st.sampled_from([CommandClass.READ, CommandClass.WRITE]),
        lane=st.sampled_from(Lane),
        share=st.sampled_from(["a", "b"]),
    )
    def submit(self, command_class: CommandClass, lane: Lane, share: str) -> JobId:
        job = new_job(command_class=command_class, lane=lane, share=share)
        assert isinstance(self.run(self.store.submit(job, demands_worker=False, queue_limit=100)), Accepted)
        self.models[job.id] = Model(job)
        return job.id

    @rule(job_id=jobs)
    def submit_again(self, job_id: JobId) -> None:
        job = self.models[job_id].job
        assert isinstance(self.run(self.store.submit(job, demands_worker=True, queue_limit=0)), Accepted)

    @rule(target=attempts, lane=st.sampled_from(Lane), most=st.integers(min_value=0, max_value=MOST))
    def take(self, lane: Lane, most: int) -> MultipleResults[Attempt]:
        self.fence += 1
        expected = self._next(lane, most)
        assert self._taken(lane, most) == expected
        if expected:
            self.last_taken[lane] = (self.fence, expected)
        for attempt in expected:
            self.models[attempt.job_id].hold(attempt)
        return multiple(*expected)

    @rule(lane=st.sampled_from(Lane))
    def take_again(self, lane: Lane) -> None:
        """The answer to the latest take was lost."""
        if lane in self.last_taken:
            self.fence, attempts = self.last_taken[lane]
            held = [attempt for attempt in attempts if self.models[attempt.job_id].holder == attempt]
            assert self._taken(lane, MOST) == held
            self.fence = max(fence for fence, _ in self.last_taken.values())

    def _next(self, lane: Lane, most: int) -> list[Attempt]:
        """What the next take must give, in the order of the queue. Jobs before these that wait too long end."""
        found: list[Attempt] = []
        for name in self.run(self.redis.zrange(key_names.queue(lane), 0, -1)):
            model = self.models[JobId(name.decode())]
            if len(found) == most:
                break
            if model.is_overdue:
                model.finish(JobState.EXPIRED)
            else:
                found.append(Attempt(model.job.id, str(self.fence)))
        return found

    def _taken(self, lane: Lane, most: int) -> list[Attempt]:
        fence, server = str(self.fence), self.run(self.store.renew([])).server
        take = self.store.take(lane, worker_id=WORKER_ID, tools=[TOOL], most=most, fence=fence, server=server)
        claims = self.run(take)
        assert isinstance(claims, list)
        return [claim.attempt for claim in claims]

    @rule(attempt=attempts)
    def give_back(self, attempt: Attempt) -> None:
        model = self.models[attempt.job_id]
        self.run(self.store.give_back([attempt]))
        if model.holder == attempt:
            model.attempt -= 1
            model.queue()
            if model.cancel_asked:
                model.finish(JobState.CANCELLED)

    @rule(job_id=jobs)
    def lose_claim(self, job_id: JobId) -> None:
        """The server fails over to one that knows only that the job was submitted."""
        model = self.models[job_id]
        if model.state is JobState.RUNNING and model.attempt == 1 and not model.newest_event and not model.cancel_asked:
            self.run(self._forget_claim(model))
            model.attempt = 0
            model.queue()

    async def _forget_claim(self, model: Model) -> None:
        job_id, lane = model.job.id, model.job.lane
        deadline = (await self.store_of.stored(job_id)).record.queue_deadline.timestamp() * 1000
        async with self.redis.pipeline() as pipe:
            pipe.hset(key_names.JOB + job_id, mapping={"state": "queued", "attempt": "0"})
            pipe.hdel(key_names.JOB + job_id, "fence", "worker", "started_at")
            pipe.zrem(key_names.LEASES, job_id)
            pipe.zadd(key_names.queue(lane), {job_id: 0})
            pipe.zadd(key_names.QUEUED + lane, {job_id: PAST_MS if model.is_overdue else deadline})
            await pipe.execute()

    @rule(attempt=attempts, count=st.integers(min_value=1, max_value=3), is_repeat=st.booleans())
    def append(self, attempt: Attempt, count: int, is_repeat: bool) -> None:
        model = self.models[attempt.job_id]
        first = 1 if is_repeat else model.newest_event + 1
        sequences = range(first, first + count)
        assert self.run(self.store.append(attempt, sealed_events(*sequences))) is (model.holder == attempt)
        if model.holder == attempt:
            model.newest_event = max(model.newest_event, sequences[-1])

    def settle(self, attempt: Attempt, state: JobState) -> None:
        model = self.models[attempt.job_id]
        may = attempt in (model.holder, model.settled_by)
        assert self.run(self.store.settle(attempt, ending(state))) is may
        if model.holder == attempt:
            model.settled_by = attempt
            model.finish(state)
        elif not may:
            model.disown()

    @rule(job_id=jobs, state=st.sampled_from(ENDS_OF_A_RUN))
    def settle_by_its_holder(self, job_id: JobId, state: JobState) -> None:
        if holder := self.models[job_id].holder:
            self.settle(holder, state)

    @rule(attempt=attempts, state=st.sampled_from(ENDS_OF_A_RUN))
    def settle_by_any(self, attempt: Attempt, state: JobState) -> None:
        self.settle(attempt, state)

    @rule(attempt=attempts)
    def renew(self, attempt: Attempt) -> None:
        model = self.models[attempt.job_id]
        expected = Renewal.LOST
        if model.holder == attempt:
            expected = Renewal.CANCEL if model.cancel_asked else Renewal.HELD
            model.lease_ended = False
        elif model.settled_by == attempt:
            expected = Renewal.HELD
        else:
            model.disown()
        assert self.run(self.store.renew([attempt])).answers == [expected]

    @rule(job_id=jobs, scope=st.sampled_from(CancelScope))
    def cancel(self, job_id: JobId, scope: CancelScope) -> None:
        model = self.models[job_id]
        assert self.run(self.store.cancel(job_id, reason="enough", scope=scope)) is model.state
        if model.state is JobState.QUEUED:
            model.finish(JobState.CANCELLED)
        elif model.state is JobState.RUNNING:
            model.cancel_asked = model.cancel_asked or scope is CancelScope.ANY

    @rule(job_id=jobs)
    def abandon(self, job_id: JobId) -> None:
        model = self.models[job_id]
        assert self.run(self.store.deliver(job_id, job_id, Delivered.NOTHING, reason="nobody waits")) is model.state
        if model.state is JobState.QUEUED:
            model.finish(JobState.CANCELLED)
        elif model.state is JobState.RUNNING and model.job.command_class is CommandClass.READ:
            model.cancel_asked = True

    @rule(job_id=jobs)
    def wait_ends(self, job_id: JobId) -> None:
        if self.models[job_id].state is JobState.QUEUED:
            self.run(self.store_of.let_queue_wait_end(job_id))
            self.models[job_id].is_overdue = True

    @rule(job_id=jobs)
    def lease_ends(self, job_id: JobId) -> None:
        self.run(self.store_of.let_lease_end(job_id))
        self.models[job_id].lease_ended = self.models[job_id].state is JobState.RUNNING

    @rule(settle_leases=st.booleans())
    def sweep(self, settle_leases: bool) -> None:
        expired = [m for m in self.models.values() if m.state is JobState.QUEUED and m.is_overdue]
        silent = [m for m in self.models.values() if m.state is JobState.RUNNING and m.lease_ended and settle_leases]
        again = [m for m in silent if m.may_begin_again]
        lost = [m for m in silent if not m.may_begin_again]
        swept = self.run(self.store.sweep(settle_leases=settle_leases))
        assert (swept.expired, swept.lost, swept.again) == (len(expired), len(lost), len(again))
        for model in again:
            model.begin_again()
        for model in expired:
            model.finish(JobState.EXPIRED)
        for model in lost:
            model.finish(JobState.LOST)

    @invariant()
    def store_agrees_with_the_model(self) -> None:
        stored_jobs, (waiting, queued, leases, load, requests, turns) = self.run(self._everything())
        assert waiting == queued
        assert turns <= {lane for lane in Lane if any(self.models[JobId(job_id)].job.lane is lane for job_id in queued)}
        assert queued == {job_id for job_id, model in self.models.items() if model.state is JobState.QUEUED}
        assert leases == {job_id for job_id, model in self.models.items() if model.state is JobState.RUNNING}
        assert load == queued | leases
        assert requests == queued | leases, "the request is gone the moment the job ends"
        for model, stored in zip(self.models.values(), stored_jobs, strict=True):
            assert stored is not None
            assert (stored.record.state, stored.record.attempt) == (model.state, model.attempt)
            assert (stored.record.request_key is None) is model.state.is_final
            if model.state.is_final:
                model.end = model.end or stored
                assert stored == model.end, "a finished job never changes again"

    async def _everything(self) -> tuple[list[StoredJob | None], list[set[str]]]:
        async with self.redis.pipeline() as pipe:
            pipe.zunion([key_names.queue(lane) for lane in Lane])
            pipe.zunion([key_names.QUEUED + lane for lane in Lane])
            pipe.zrange(key_names.LEASES, 0, -1)
            pipe.zunion([key_names.LOAD + lane for lane in Lane])
            pipe.keys(f"{key_names.REQUEST}*")
            pipe.keys(f"{key_names.TURN.removesuffix(':')}*")
            found: list[list[bytes]] = await pipe.execute()
        ids = [{name.decode().rpartition(":")[2] for name in names} for names in found]
        return await self.store.read([*self.models]), ids


def test_no_sequence_of_calls_breaks_the_rules(valkey: Valkey) -> None:
    state_machines.run(Transitions, url=valkey.url, examples=EXAMPLES, steps=STEPS)
