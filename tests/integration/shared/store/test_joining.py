"""Any sequence of calls of one command, whose clients wait, leave, take the id or get the result, against a model.

Whatever happens: while somebody waits or has the id nothing is given up for those who left, and a result is given to
the next call until as many have got it as waited for it.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from redis.asyncio import Redis

from shared.models import CommandClass, JobId, JobState, Lane
from shared.store import key_names
from shared.store.job_store import Delivered
from shared.store.submits import Accepted, Same
from tests.support import leftovers, state_machines
from tests.support.jobs import Jobs, ending, new_job
from tests.support.valkey import Valkey

NAME = "keyed-hash"
EXAMPLES = 30
STEPS = 30
Result = TypeVar("Result")
Call = tuple[JobId, JobId]
"""The job, and the call's own id."""


class Model:
    """What the store must know of one job."""

    def __init__(self, call: JobId) -> None:
        self.state = JobState.QUEUED
        self.waiting = {call}
        self.missed = 0
        self.is_handed = False


class Joining(RuleBasedStateMachine):
    url: ClassVar[str]
    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.redis = Redis.from_url(self.url)
        self.store_of = Jobs(self.redis)
        self.store = self.store_of.store
        self.models: dict[JobId, Model] = {}
        self.named: JobId | None = None
        self.run(self.redis.flushall())

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.get_loop().run_until_complete(work)

    def teardown(self) -> None:
        try:
            assert self.run(leftovers.immortal_keys(self.redis)) == []
        finally:
            self.run(self.redis.aclose())
            self.runner.close()

    @rule(target=calls)
    def call(self) -> Call:
        job = new_job(command_class=CommandClass.WRITE, lane=Lane.SLOW, repeatable=(NAME,))
        answers = [self.run(self.store.submit(job, demands_worker=False, queue_limit=100)) for _ in range(2)]
        if self.named is None:
            assert isinstance(answers[0], Accepted)
            self.models[job.id], self.named = Model(job.id), job.id
            return job.id, job.id
        assert isinstance(answers[0], Same)
        assert answers[0].job_id == self.named
        model = self.models[self.named]
        model.waiting.add(job.id)
        model.missed = max(0, model.missed - 1)
        return self.named, job.id

    @rule(call=calls, gives_up=st.booleans())
    def leave(self, call: Call, gives_up: bool) -> None:
        job_id, own = call
        model = self.models[job_id]
        before = model.state
        reason = "nobody waits" if gives_up else ""
        assert self.run(self.store.deliver(job_id, own, Delivered.NOTHING, reason=reason)) is before
        if own in model.waiting:
            model.waiting.remove(own)
            model.missed += 1
        elif model.state is JobState.SUCCEEDED:
            model.missed += 1
            self.named = self.named or job_id
        if gives_up and not model.waiting and not model.is_handed and before is JobState.QUEUED:
            model.state = JobState.CANCELLED
            self._forget(job_id)

    @rule(call=calls)
    def take_the_id(self, call: Call) -> None:
        job_id, own = call
        model = self.models[job_id]
        self.run(self.store.deliver(job_id, own, Delivered.ID))
        if own in model.waiting:
            model.waiting.remove(own)
            model.is_handed = True

    @rule(call=calls)
    def get_the_result(self, call: Call) -> None:
        job_id, own = call
        model = self.models[job_id]
        if model.state is JobState.SUCCEEDED:
            self.run(self.store.deliver(job_id, own, Delivered.RESULT))
            model.waiting.discard(own)
            self._delivered(job_id, model)

    @rule(call=calls)
    def ask_for_the_result(self, call: Call) -> None:
        job_id, _ = call
        model = self.models[job_id]
        if model.state is JobState.SUCCEEDED:
            self.run(self.store.deliver(job_id, None, Delivered.RESULT))
            model.missed = max(0, model.missed - 1)
            self._delivered(job_id, model)

    def _delivered(self, job_id: JobId, model: Model) -> None:
        model.is_handed = False
        if not model.waiting and not model.missed:
            self._forget(job_id)

    def _forget(self, job_id: JobId) -> None:
        if self.named == job_id:
            self.named = None

    @rule(call=calls)
    def run_to_its_end(self, call: Call) -> None:
        job_id, _ = call
        model = self.models[job_id]
        if model.state is JobState.QUEUED:
            claim = self.run(self.store_of.claimed(job_id))
            assert self.run(self.store.settle(claim.attempt, ending()))
            model.state = JobState.SUCCEEDED

    @invariant()
    def store_agrees_with_the_model(self) -> None:
        named = self.run(self.redis.get(key_names.REPEATABLE + NAME))
        assert (JobId(named.decode()) if named else None) == self.named
        for job_id, model in self.models.items():
            assert self.run(self.store_of.state(job_id)) is model.state


def test_no_sequence_of_calls_breaks_the_rules(valkey: Valkey) -> None:
    state_machines.run(Joining, url=valkey.url, examples=EXAMPLES, steps=STEPS)
