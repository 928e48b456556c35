"""Any sequence of calls by any number of workers, callers and sweepers, against a model of the states.

Whatever happens: a finished job never changes again, at most one attempt holds a job, and nothing outlives its TTL.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from redis.asyncio import Redis

from shared.models import CommandClass, JobId, JobState, Lane
from shared.store import key_names
from shared.store.job_store import (
    ARQ_IN_PROGRESS_MS,
    Accepted,
    Attempt,
    CancelScope,
    Claim,
    ClaimRefusal,
    Delivered,
    NewJob,
    Renewal,
    StoredJob,
)
from tests.support import leftovers, state_machines
from tests.support.jobs import WORKER_ID, Jobs, attempt_on, ending, new_job, sealed_events
from tests.support.valkey import Valkey

ENDS_OF_A_RUN = [JobState.SUCCEEDED, JobState.FAILED, JobState.TIMED_OUT, JobState.CANCELLED, JobState.LOST]
EXAMPLES = 40
STEPS = 30
Result = TypeVar("Result")


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
        self.finish(JobState.QUEUED)
        self.newest_event, self.lease_ended, self.is_overdue = 0, False, False

    @property
    def may_begin_again(self) -> bool:
        is_read = self.job.command_class is CommandClass.READ
        return is_read and self.attempt == 1 and not self.cancel_asked and not self.is_overdue


class Transitions(RuleBasedStateMachine):
    url: ClassVar[str]
    jobs = Bundle("jobs")
    attempts = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.redis = Redis.from_url(self.url)
        self.store_of = Jobs(self.redis)
        self.store = self.store_of.store
        self.models: dict[JobId, Model] = {}
        self.run(self.redis.flushall())

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.get_loop().run_until_complete(work)

    def teardown(self) -> None:
        try:
            assert self.run(leftovers.immortal_keys(self.redis)) == []
        finally:
            self.run(self.redis.aclose())
            self.runner.close()

    @rule(
        target=jobs, command_class=st.sampled_from([CommandClass.READ, CommandClass.WRITE]), lane=st.sampled_from(Lane)
    )
    def submit(self, command_class: CommandClass, lane: Lane) -> JobId:
        job = new_job(command_class=command_class, lane=lane)
        assert isinstance(self.run(self.store.submit(job, demands_worker=False, queue_limit=100)), Accepted)
        self.models[job.id] = Model(job)
        return job.id

    @rule(job_id=jobs)
    def submit_again(self, job_id: JobId) -> None:
        job = self.models[job_id].job
        assert isinstance(self.run(self.store.submit(job, demands_worker=True, queue_limit=0)), Accepted)

    @rule(target=attempts, job_id=jobs)
    def pick_up(self, job_id: JobId) -> Attempt:
        """As arq does, whose marks are not to be relied on: any worker may come to try any job at any time."""
        self.run(self._mark(job_id))
        attempt = attempt_on(job_id)
        self.claim(attempt)
        return attempt

    @rule(target=attempts, job_id=jobs)
    def pick_up_slowly(self, job_id: JobId) -> Attempt:
        """The claim comes later, or never."""
        self.run(self._mark(job_id))
        return attempt_on(job_id)

    async def _mark(self, job_id: JobId) -> None:
        await self.redis.set(key_names.ARQ_IN_PROGRESS + job_id, "1", px=ARQ_IN_PROGRESS_MS // 2)

    @rule(attempt=attempts)
    def claim_late(self, attempt: Attempt) -> None:
        self.claim(attempt)

    def claim(self, attempt: Attempt) -> None:
        model = self.models[attempt.job_id]
        expected = self._expected_claim(model, attempt)
        answer = self.run(self.store.claim(attempt, worker_id=WORKER_ID))
        assert (None if isinstance(answer, Claim) else answer) is expected
        if expected is ClaimRefusal.EXPIRED:
            model.finish(JobState.EXPIRED)
        elif expected is None and model.state is JobState.QUEUED:
            model.state, model.holder = JobState.RUNNING, attempt
            model.attempt += 1

    def _expected_claim(self, model: Model, attempt: Attempt) -> ClaimRefusal | None:
        if model.state is JobState.QUEUED:
            return ClaimRefusal.EXPIRED if model.is_overdue else None
        return None if model.holder == attempt else ClaimRefusal.TAKEN

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
        assert self.run(self.store.renew([attempt])) == [expected]

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
        stored_jobs, (queued, leases, requests) = self.run(self._everything())
        assert queued == {job_id for job_id, model in self.models.items() if model.state is JobState.QUEUED}
        assert leases == {job_id for job_id, model in self.models.items() if model.state is JobState.RUNNING}
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
            pipe.zrange(key_names.QUEUED, 0, -1)
            pipe.zrange(key_names.LEASES, 0, -1)
            pipe.keys(f"{key_names.REQUEST}*")
            found: list[list[bytes]] = await pipe.execute()
        ids = [{name.decode().removeprefix(key_names.REQUEST) for name in names} for names in found]
        return await self.store.read([*self.models]), ids


def test_no_sequence_of_calls_breaks_the_rules(valkey: Valkey) -> None:
    state_machines.run(Transitions, url=valkey.url, examples=EXAMPLES, steps=STEPS)
