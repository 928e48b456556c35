"""Any sequence of calls and failovers, on a primary whose replica stands still now and then.

Whatever happens: what a caller was told is what the server says after a failover too, and no write is started twice.
"""

from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, invariant, multiple, rule
from redis.asyncio import Redis

from shared.models import CommandClass, JobId, JobState, Lane
from shared.redis.replicas import KnownReplicas, Replicas
from shared.store import scripts
from shared.store.attempts import Attempt, Renewal, UnacknowledgedClaimsError
from shared.store.job_store import CancelScope, JobStore
from shared.store.scripts import NotAcknowledgedError
from shared.store.submits import Accepted, NewJob
from tests.support import state_machines, valkey_pair
from tests.support.jobs import QUEUE_LIMIT, TOOL, WORKER_ID, Jobs, ending, new_job, sealed_events
from tests.support.state_machines import AsyncMachine
from tests.support.valkey_pair import HOST, ValkeyPair

EXAMPLES = 25
STEPS = 30
SOON_MS = 100
"""Longest wait for an acknowledgement: most steps happen while the replica stands still."""
MOST = 3
ENDS_OF_A_RUN = [JobState.SUCCEEDED, JobState.FAILED]


class ToldIsKept(AsyncMachine):
    pair: ClassVar[ValkeyPair]
    jobs = Bundle("jobs")
    attempts = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.submitted: dict[JobId, NewJob] = {}
        self.accepted: set[JobId] = set()
        """Jobs whose ids their callers have."""
        self.told: dict[JobId, JobState] = {}
        """Ends of which waiters have heard."""
        self.held: list[Attempt] = []
        """Attempts whose command runs."""
        self.starts: Counter[JobId] = Counter()
        self.fence = 0
        self.connect()
        self.run(self.redis.flushall())
        self.pair.connect()

    def connect(self) -> None:
        port = self.pair.primary_port
        known = KnownReplicas((HOST, port), expected=True, up=1)
        self.redis = Redis(host=HOST, port=port)
        self.store = JobStore(self.redis, Replicas(lambda: known))

    def teardown(self) -> None:
        try:
            self.fail_over()
            self.what_was_told_is_so()
        finally:
            self.run(self.redis.aclose())
            self.runner.close()

    @rule(
        target=jobs,
        command_class=st.sampled_from([CommandClass.READ, CommandClass.WRITE]),
        share=st.sampled_from(["a", "b"]),
    )
    def submit(self, command_class: CommandClass, share: str) -> JobId:
        lane = Lane.FAST if command_class is CommandClass.READ else Lane.SLOW
        job = new_job(command_class=command_class, lane=lane, share=share)
        self.submitted[job.id] = job
        self.submit_again(job.id)
        return job.id

    @rule(job_id=jobs)
    def submit_again(self, job_id: JobId) -> None:
        """As a gateway does that has no answer, or one that no replica has acknowledged."""
        submit = self.store.submit(self.submitted[job_id], demands_worker=False, queue_limit=QUEUE_LIMIT)
        try:
            assert isinstance(self.run(submit), Accepted)
        except NotAcknowledgedError:
            return
        self.accepted.add(job_id)

    @rule(target=attempts, lane=st.sampled_from(Lane), most=st.integers(min_value=1, max_value=MOST))
    def take(self, lane: Lane, most: int) -> MultipleResults[Attempt]:
        """Starts the commands that it has taken, or gives the jobs back if no replica knows that they are taken."""
        self.fence += 1
        fence, server = str(self.fence), self.run(self.store.renew([])).server
        take = self.store.take(lane, worker_id=WORKER_ID, tools=[TOOL], most=most, fence=fence, server=server)
        try:
            claims = self.run(take)
        except UnacknowledgedClaimsError as error:
            self.run(self.store.give_back(error.attempts))
            return multiple()
        assert isinstance(claims, list)
        taken = [claim.attempt for claim in claims]
        self.starts.update(attempt.job_id for attempt in taken)
        self.held += taken
        return multiple(*taken)

    @rule(attempt=attempts)
    def append(self, attempt: Attempt) -> None:
        self.run(self.store.append(attempt, sealed_events(1)))

    @rule(attempt=attempts, state=st.sampled_from(ENDS_OF_A_RUN))
    def settle(self, attempt: Attempt, state: JobState) -> None:
        """As a worker whose command has ended. It tries again if no replica knows of the end."""
        if attempt not in self.held:
            return
        try:
            is_settled = self.run(self.store.settle(attempt, ending(state)))
        except NotAcknowledgedError:
            return
        self.held.remove(attempt)
        if is_settled:
            self.told.setdefault(attempt.job_id, self.state_of(attempt.job_id))

    @rule(job_id=jobs)
    def cancel(self, job_id: JobId) -> None:
        try:
            before = self.run(self.store.cancel(job_id, reason="enough", scope=CancelScope.ANY))
        except NotAcknowledgedError:
            return
        if before is JobState.QUEUED:
            self.told[job_id] = JobState.CANCELLED

    @rule(attempt=attempts)
    def lease_ends(self, attempt: Attempt) -> None:
        self.run(Jobs(self.redis).let_lease_end(attempt.job_id))

    @rule(settle_leases=st.booleans())
    def sweep(self, settle_leases: bool) -> None:
        self.run(self.store.sweep(settle_leases=settle_leases))

    @rule()
    def show(self) -> None:
        """As a worker does every two seconds, and before it takes jobs from another server."""
        answers = self.run(self.store.renew(self.held)).answers
        self.held = [each for each, answer in zip(self.held, answers, strict=True) if answer is not Renewal.LOST]

    @rule()
    def replica_stands_still(self) -> None:
        self.pair.replica.pause()

    @rule()
    def replica_is_cut_off(self) -> None:
        """One that stands still receives later what was sent to it; this one does not."""
        self.pair.cut_off()

    @rule()
    def replica_goes_on(self) -> None:
        self.pair.connect()

    @rule()
    def fail_over(self) -> None:
        """The replica has received what it has received, and its worker shows its tokens before anything else."""
        self.run(self.redis.aclose())
        self.pair.fail_over()
        self.connect()
        self.show()

    @invariant()
    def what_was_told_is_so(self) -> None:
        for job_id in self.accepted | self.told.keys():
            state = self.state_of(job_id)
            assert job_id not in self.told or state is self.told[job_id], "an end that was told never changes"

    @invariant()
    def no_write_is_started_twice(self) -> None:
        writes = {job_id for job_id, job in self.submitted.items() if job.command_class is CommandClass.WRITE}
        assert not [job_id for job_id in writes if self.starts[job_id] > 1]

    def state_of(self, job_id: JobId) -> JobState:
        [stored] = self.run(self.store.read([job_id]))
        assert stored is not None, "an accepted job is kept"
        return stored.record.state


@pytest.fixture(scope="module")
def pair() -> Iterator[ValkeyPair]:
    with valkey_pair.running() as pair:
        yield pair


def test_no_sequence_of_calls_and_failovers_breaks_what_was_told(
    pair: ValkeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts, "ACKNOWLEDGED_IN_MS", SOON_MS)
    machine = type("OnThisPair", (ToldIsKept,), {"pair": pair})
    state_machines.run(machine, url=pair.primary.url, examples=EXAMPLES, steps=STEPS)
