"""What a caller reads of a job: opened where a worker sealed it, worded where nobody did."""

import json
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from gateway.jobs.output_keys import OutputKeys
from gateway.jobs.responses import ResponseReader
from shared.changes import ChangeState
from shared.events import EventKind
from shared.models import ANONYMOUS, CommandClass, CommandResponse, Job, JobId, JobState
from shared.sealing.fernet_keys import DataKey, JobIdentity, MasterKeys, Purpose
from shared.store import key_names
from shared.store.attempts import Ending, SealedEvent
from shared.store.job_store import READ_ATTEMPTS, CancelScope, JobStore
from tests.support import changes, jobs
from tests.support.changes import change, done
from tests.support.hand_worker import HandWorker

MAX_OUTPUT = 1_000


class CountingStore(JobStore):
    """Counts the calls that read events."""

    reads = 0

    async def events(self, job_id: JobId, *, after: int = 0, limit: int | None = None) -> list[SealedEvent]:
        self.reads += 1
        return await super().events(job_id, after=after, limit=limit)

    async def newest_event(self, job_id: JobId) -> int:
        self.reads += 1
        return await super().newest_event(job_id)


@dataclass
class Desk:
    """A store with jobs of a real master key, and the reader that knows it."""

    redis: Redis
    master_key: str = field(default_factory=MasterKeys.generate)

    def __post_init__(self) -> None:
        self.store = CountingStore(self.redis)
        self.worker = HandWorker(self.redis, self.master_key)

    async def queued(self, command_class: CommandClass = CommandClass.READ, **fields: str) -> JobId:
        job_id = jobs.new_job_id()
        key = DataKey.generate(JobIdentity(job_id, ANONYMOUS))
        wrapped = key.wrap(MasterKeys([self.master_key]), Purpose.OUTPUT_KEY)
        return await jobs.Jobs(self.redis).queued(id=job_id, output_key=wrapped, command_class=command_class, **fields)

    async def read(self, job_id: JobId, *, master_key: str = "") -> Job:
        [stored] = await self.store.read([job_id])
        assert stored is not None
        return await ResponseReader(
            self.store, OutputKeys(MasterKeys([master_key or self.master_key])), MAX_OUTPUT
        ).job(stored)

    async def lose(self, job_id: JobId) -> None:
        """Its worker, and for a read the second one."""
        async with self.redis.pipeline() as pipe:
            pipe.hset(key_names.JOB + job_id, "attempt", str(READ_ATTEMPTS))
            await pipe.execute()
        await jobs.Jobs(self.redis).let_lease_end(job_id)
        await self.store.sweep(settle_leases=True)


@pytest.fixture
def desk(redis: Redis) -> Desk:
    return Desk(redis)


async def test_job_that_has_not_ended_has_no_response(desk: Desk) -> None:
    job_id = await desk.queued()
    assert (await desk.read(job_id)).response is None
    await desk.worker.claim(job_id)
    job = await desk.read(job_id)
    assert (job.state, job.response) == (JobState.RUNNING, None)


async def test_sealed_response_is_opened(desk: Desk) -> None:
    job_id = await desk.queued()
    await desk.worker.finish(job_id, output="pods")
    job = await desk.read(job_id)
    assert job.finished().output == "pods"
    assert (job.state, job.links.self) == (JobState.SUCCEEDED, f"/jobs/{job_id}")


async def test_job_is_shown_with_the_names_of_the_contract(desk: Desk) -> None:
    job = json.loads((await desk.read(await desk.queued())).model_dump_json())
    assert set(job) == {
        *("id", "tool", "state", "class", "created_at", "started_at", "ended_at", "progress", "response", "links"),
    }
    assert (job["tool"], job["class"], job["state"]) == ("kubectl", "read", "queued")


@pytest.mark.parametrize(
    ("command_class", "hint"),
    [(CommandClass.READ, "send it again"), (CommandClass.WRITE, "had sent no change")],
)
async def test_lost_job_says_what_to_do_and_shows_what_was_streamed(
    desk: Desk, command_class: CommandClass, hint: str
) -> None:
    job_id = await desk.queued(command_class)
    claim = await desk.worker.claim(job_id)
    await desk.worker.write(
        claim, (EventKind.STDOUT, b"first "), (EventKind.STDERR, b"bad\n"), (EventKind.STDOUT, b"half")
    )
    await desk.lose(job_id)
    response = (await desk.read(job_id)).finished()
    assert (response.state, response.exit_code, response.success) == (JobState.LOST, -1, False)
    assert response.output == "first half"
    assert response.error == "bad\ncontact with the worker was lost"
    assert hint in (response.hint or "")


async def test_lost_job_says_which_changes_were_acknowledged_and_which_were_on_their_way(desk: Desk) -> None:
    job_id = await desk.queued(CommandClass.WRITE)
    noted = (change(1), done(1), change(2), change(3), change(3, state=ChangeState.FAILED))
    events = [(EventKind.STDERR, b"bad\n"), *map(changes.event, noted)]
    await desk.worker.write(await desk.worker.claim(job_id), *events)
    await desk.lose(job_id)

    response = (await desk.read(job_id)).finished()

    assert (response.error or "").splitlines() == [
        "bad",
        "the API server has acknowledged: created Deployment shop/web-1",
        "on their way, and may have happened: create Deployment shop/web-2",
        "contact with the worker was lost",
    ]
    assert response.changes == changes.told(done(1), change(2), change(3, state=ChangeState.FAILED))
    assert response.changes is not None
    assert response.changes.summary == "1 created, 1 failed, 1 on its way"


async def test_lost_read_that_has_changed_something_is_not_said_to_change_nothing(desk: Desk) -> None:
    job_id = await desk.queued(CommandClass.READ)
    await desk.worker.write(await desk.worker.claim(job_id), changes.event(change(1)))
    await desk.lose(job_id)

    response = (await desk.read(job_id)).finished()

    assert response.hint is not None
    assert response.hint.startswith("It had begun to change the cluster: look at `changes`")


@pytest.mark.parametrize("tool", ["kubectl", "argocd"])
async def test_lost_write_says_whether_it_can_have_changed_something(desk: Desk, tool: str) -> None:
    hint = "It had sent no change to the cluster: send it again."
    job_id = await desk.queued(CommandClass.WRITE, tool=tool)
    await desk.worker.claim(job_id)
    await desk.lose(job_id)

    assert (await desk.read(job_id)).finished().hint == hint


async def test_lost_write_whose_events_do_not_open_may_have_changed_something(desk: Desk) -> None:
    job_id = await desk.queued(CommandClass.WRITE, tool="kubectl")
    await desk.worker.write(await desk.worker.claim(job_id), changes.event(change(1)))
    await desk.lose(job_id)

    response = (await desk.read(job_id, master_key=MasterKeys.generate())).finished()

    assert response.hint == "The command may have taken effect: look at the cluster before you send it again."


async def test_more_changes_than_are_read_at_once_are_counted(desk: Desk) -> None:
    job_id = await desk.queued(CommandClass.WRITE)
    numbers = range(1, 251)
    await desk.worker.write(await desk.worker.claim(job_id), *[changes.event(done(number)) for number in numbers])
    await desk.lose(job_id)

    response = (await desk.read(job_id)).finished()

    assert response.changes == changes.told(*map(done, numbers))
    assert "and 245 more" in (response.error or "")


async def test_lost_job_whose_changes_name_other_events_shows_none_of_them(desk: Desk) -> None:
    """A writer in Redis cannot replace one change by another."""
    job_id = await desk.queued(CommandClass.WRITE)
    await desk.worker.write(await desk.worker.claim(job_id), changes.event(done(1)), changes.event(change(2)))
    async with desk.redis.pipeline() as pipe:
        pipe.hset(key_names.CHANGES + job_id, "2", "1")
        await pipe.execute()
    await desk.lose(job_id)

    assert (await desk.read(job_id)).finished().changes is None


async def test_expired_job_says_why(desk: Desk) -> None:
    job_id = await desk.queued()
    await jobs.Jobs(desk.redis).let_queue_wait_end(job_id)
    await desk.store.sweep(settle_leases=False)
    response = (await desk.read(job_id)).finished()
    assert (response.state, response.exit_code, response.output) == (JobState.EXPIRED, -1, "")
    assert response.error == "no worker took the job in time"
    assert "/tools/status" in (response.hint or "")


async def test_job_that_was_cancelled_in_the_queue_says_why(desk: Desk) -> None:
    job_id = await desk.queued()
    await desk.store.cancel(job_id, reason="cancelled by request", scope=CancelScope.ANY)
    response = (await desk.read(job_id)).finished()
    assert (response.state, response.error, response.duration_ms) == (JobState.CANCELLED, "cancelled by request", 0)


async def test_timed_out_job_gets_a_hint(desk: Desk) -> None:
    job_id = await desk.queued()
    await desk.worker.settle(await desk.worker.claim(job_id), state=JobState.TIMED_OUT)
    assert "timeout" in ((await desk.read(job_id)).finished().hint or "")


async def test_streamed_output_is_cut_at_the_limit(desk: Desk) -> None:
    job_id = await desk.queued()
    claim = await desk.worker.claim(job_id)
    await desk.worker.write(claim, (EventKind.STDOUT, b"x" * (MAX_OUTPUT + 1)))
    await desk.lose(job_id)
    response = (await desk.read(job_id)).finished()
    assert (len(response.output), response.truncated) == (MAX_OUTPUT, True)


async def test_character_that_was_streamed_in_two_parts_is_one(desk: Desk) -> None:
    job_id = await desk.queued()
    claim = await desk.worker.claim(job_id)
    await desk.worker.write(claim, (EventKind.STDOUT, b"\xc3"), (EventKind.STDOUT, b"\xa9 \xff"))
    await desk.lose(job_id)
    assert (await desk.read(job_id)).finished().output == "é \N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("sealed", [True, False])
async def test_other_master_key_opens_nothing_and_breaks_nothing(desk: Desk, sealed: bool) -> None:
    job_id = await desk.queued()
    claim = await desk.worker.claim(job_id)
    await desk.worker.write(claim, (EventKind.STDOUT, b"secret"))
    await (desk.worker.settle(claim, output="secret") if sealed else desk.lose(job_id))
    response = (await desk.read(job_id, master_key=MasterKeys.generate())).finished()
    assert "secret" not in response.model_dump_json()
    assert ("master keys" in (response.error or "")) is sealed


async def test_response_of_another_job_does_not_open(desk: Desk) -> None:
    """An attacker who can write to Redis cannot pass one caller's output to another caller."""
    theirs, mine = await desk.queued(), await desk.queued()
    await desk.worker.finish(theirs, output="secret")
    await desk.worker.finish(mine)
    stolen = await desk.redis.get(key_names.RESPONSE + theirs)
    await desk.redis.set(key_names.RESPONSE + mine, stolen, keepttl=True)
    response = (await desk.read(mine)).finished()
    assert isinstance(response, CommandResponse)
    assert not response.success
    assert "secret" not in response.model_dump_json()


async def test_events_in_another_order_do_not_open(desk: Desk) -> None:
    job_id = await desk.queued()
    claim = await desk.worker.claim(job_id)
    await desk.worker.write(claim, (EventKind.STDOUT, b"one"), (EventKind.STDOUT, b"two"))
    entries = await desk.redis.xrange(key_names.EVENTS + job_id)
    await desk.redis.delete(key_names.EVENTS + job_id)
    for number, (_, fields) in enumerate(reversed(entries), 1):
        await desk.redis.xadd(key_names.EVENTS + job_id, fields, id=f"{number}-0")
    await desk.redis.expire(key_names.EVENTS + job_id, 60)
    await desk.lose(job_id)
    assert (await desk.read(job_id)).finished().output == ""


PROGRESS = (EventKind.PROGRESS, b"1/2 ready")
PRINTED = (EventKind.STDOUT, b"waiting")


@pytest.mark.parametrize(
    ("output", "newest", "reads"),
    [((PROGRESS, PRINTED), 1, 1), ((PRINTED, PROGRESS), 2, 1), ((PRINTED,), 0, 0), ((), 0, 0)],
    ids=["progress first", "progress last", "output alone", "nothing"],
)
async def test_ended_job_is_read_without_a_search_for_its_newest_progress(
    desk: Desk, output: tuple[tuple[EventKind, bytes], ...], newest: int, reads: int
) -> None:
    """Its worker has noted where it is."""
    claim = await desk.worker.claim(await desk.queued())
    await desk.worker.write(claim, *output)
    await desk.store.settle(claim.attempt, Ending(JobState.LOST, "", b"", progress=newest))
    [stored] = await desk.store.read([claim.record.id])
    assert stored is not None
    reader = ResponseReader(desk.store, OutputKeys(MasterKeys([desk.master_key])), MAX_OUTPUT)

    found = await reader.progress(stored.record)

    assert (found, desk.store.reads) == ("1/2 ready" if newest else None, reads)


@pytest.mark.parametrize("output", [(PROGRESS, PRINTED), (PRINTED, PROGRESS)], ids=["progress first", "progress last"])
async def test_progress_of_a_job_whose_worker_was_lost_is_searched(
    desk: Desk, output: tuple[tuple[EventKind, bytes], ...]
) -> None:
    job_id = await desk.queued(CommandClass.WRITE)
    await desk.worker.write(await desk.worker.claim(job_id), *output)
    await jobs.Jobs(desk.redis).let_lease_end(job_id)
    await desk.store.sweep(settle_leases=True)

    assert (await desk.read(job_id)).progress == "1/2 ready"


async def test_ended_job_whose_noted_progress_is_gone_has_none(desk: Desk) -> None:
    claim = await desk.worker.claim(await desk.queued())
    await desk.store.settle(claim.attempt, Ending(JobState.FAILED, "", b"", progress=7))

    assert (await desk.read(claim.record.id)).progress is None
