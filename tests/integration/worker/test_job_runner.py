"""One job from its claim to its end, with a real server and a real launcher."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from opentelemetry.trace import NoOpTracer
from redis.asyncio import Redis

from shared.command import filters
from shared.events import attempt_of
from shared.kubeconfig import cluster_access
from shared.models import ANONYMOUS, CommandClass, CommandResponse, JobId, JobState, Lane
from shared.sealing.envelope import ENVELOPE_VERSION, Command, RequestEnvelope
from shared.sealing.fernet_keys import DataKey, JobIdentity, MasterKeys, Purpose
from shared.store import key_names
from shared.store.attempts import Attempt, Ending
from shared.store.job_store import JobStore, StoredJob
from shared.store.scripts import NotAcknowledgedError
from tests.support import changes, egress, kubeconfigs, leftovers, stub
from tests.support import door as doors
from tests.support.jobs import WORKER_ID, Jobs, new_job_id
from tests.support.waiting import wait_until
from worker import job_runner
from worker.job_runner import SEAL_MARGIN_S, JobRunner, RunnerSettings
from worker.job_ways import WayOpener
from worker.launcher.client import Launcher
from worker.leases import LeaseKeeper
from worker.machine import filter_binaries
from worker.machine.tool_binaries import ToolBinary
from worker.observer.observatory import Observatory
from worker.output import door_death
from worker.output.recorder import OutputLimits, OutputRecorder
from worker.run import command_plan
from worker.run.command_plan import PlanSettings

MASTER_KEYS = MasterKeys([MasterKeys.generate()])
LIFETIME_S = 60.0


@dataclass(frozen=True)
class Desk:
    """A worker's runner, and jobs for it."""

    redis: Redis
    runner: JobRunner

    @property
    def jobs(self) -> Jobs:
        return Jobs(self.redis)

    async def queued(
        self,
        *arguments: str,
        tool: str = "stub",
        command_class: CommandClass = CommandClass.READ,
        sealed_class: CommandClass | None = None,
        sealed_lane: Lane = Lane.FAST,
        version: int = ENVELOPE_VERSION,
        sealed: Mapping[str, Any] | None = None,
        sealed_ago_s: int = 0,
        **of_command: Any,
    ) -> JobId:
        """A job as a gateway seals it; the record allows it more time than the envelope's minute."""
        job_id = new_job_id()
        identity = JobIdentity(job_id, ANONYMOUS)
        raw_key = Fernet.generate_key()
        request_key, output_key = DataKey(raw_key, identity), DataKey.generate(identity)
        envelope = RequestEnvelope(
            command=Command(tool=tool, arguments=arguments, verb=arguments[:1], **of_command),
            command_class=sealed_class or command_class,
            lane=sealed_lane,
            time_limit_s=LIFETIME_S,
            queue_wait_s=0,
        )
        content = json.dumps(sealed or envelope.model_dump(mode="json") | {"version": version}).encode()
        return await self.jobs.queued(
            id=job_id,
            tool=tool,
            command_class=command_class,
            principal=ANONYMOUS,
            request=Fernet(raw_key).encrypt_at_time(
                identity.binding(Purpose.REQUEST) + content, int(time.time()) - sealed_ago_s
            ),
            request_key=request_key.wrap(MASTER_KEYS, Purpose.REQUEST_KEY),
            output_key=output_key.wrap(MASTER_KEYS, Purpose.OUTPUT_KEY),
        )

    async def run(self, job_id: JobId) -> StoredJob:
        await self.runner.run(await self.jobs.claimed(job_id))
        return await self.jobs.stored(job_id)

    async def started(self, job_id: JobId) -> "asyncio.Task[None]":
        """Begins to run the job beside the test."""
        claim = await self.jobs.claimed(job_id)
        return asyncio.create_task(self.runner.run(claim), name="run")

    def opened(self, stored: StoredJob) -> CommandResponse:
        assert stored.response is not None
        key = MASTER_KEYS.unwrap(stored.record.output_key, stored.record.identity, Purpose.OUTPUT_KEY)
        return CommandResponse.model_validate_json(key.open(stored.response, Purpose.RESPONSE))


@pytest.fixture
async def ways() -> AsyncIterator[WayOpener]:
    made = egress.dialer()
    async with egress.proxy(made) as proxy, doors.running(made) as door:
        yield WayOpener(proxy, door)


@pytest.fixture
async def desk(redis: Redis, tmp_path: Path, ways: WayOpener) -> AsyncIterator[Desk]:
    work = tmp_path / "work"
    work.mkdir()
    launcher = await Launcher.start(work)
    store = JobStore(redis)
    plan = PlanSettings(
        sandboxed=False, allow_loopback_fetches=False, job_file_bytes=1_000_000, go_memory_limit="200MiB"
    )
    binaries = {"stub": ToolBinary(stub.STUB, stub.install(tmp_path) / "stub")}
    launcher.equip({"stub": command_plan.outfit(binaries["stub"], work, plan)})
    runner = JobRunner(
        store=store,
        master_keys=MASTER_KEYS,
        leases=LeaseKeeper(store, redis, WORKER_ID),
        launcher=launcher,
        binaries=binaries,
        filters=filter_binaries.find_all(filters.FILTERS, None, sandboxed=False)[0],
        ways=ways,
        observatory=Observatory(),
        settings=RunnerSettings(
            plan=plan,
            output=OutputLimits(1_000, 1_000_000),
            kill_grace_s=0.2,
            work_directory=work,
        ),
        tracer=NoOpTracer(),
    )
    yield Desk(redis, runner)
    await launcher.close()


async def test_job_runs_and_its_request_is_gone(desk: Desk, redis: Redis) -> None:
    job_id = await desk.queued("read", "list", files={"a/b.txt": "x"})

    stored = await desk.run(job_id)

    assert stored.record.state is JobState.SUCCEEDED
    assert stored.record.request_key is None
    assert desk.opened(stored).output == "a/b.txt\n"
    assert not await redis.exists(key_names.REQUEST + job_id)
    assert leftovers.files_of_jobs(desk.runner.settings.work_directory) == []
    assert desk.runner.leases.running == 0


async def test_end_that_no_replica_has_acknowledged_is_settled_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle, endings = JobStore.settle, list[Ending]()

    async def settled(store: JobStore, attempt: Attempt, ending: Ending) -> bool:
        answer = await settle(store, attempt, ending)
        endings.append(ending)
        if len(endings) < 3:
            raise NotAcknowledgedError([answer])
        return answer

    monkeypatch.setattr(JobStore, "settle", settled)
    monkeypatch.setattr(job_runner, "RETRY_DELAY_S", 0)

    stored = await desk.run(await desk.queued("read", "list"))

    assert endings == [endings[0]] * 3
    assert stored.record.state is JobState.SUCCEEDED


async def test_job_that_another_process_has_ended_is_left_alone(desk: Desk) -> None:
    claim = await desk.jobs.claimed(await desk.queued("write", "ok", command_class=CommandClass.WRITE))
    await desk.jobs.let_lease_end(claim.record.id)
    await desk.jobs.store.sweep(settle_leases=True)
    before = await desk.jobs.stored(claim.record.id)

    await desk.runner.run(claim)

    assert before.record.state is JobState.LOST
    assert await desk.jobs.stored(claim.record.id) == before


async def test_job_of_a_tool_that_this_worker_lacks_is_not_run(desk: Desk) -> None:
    """No lane picks one, but what decides is which command the sealed request names."""
    stored = await desk.run(await desk.queued("read", "ok", tool="helm"))

    assert (stored.record.state, stored.response) == (JobState.FAILED, None)


async def test_stages_behind_the_tool_run_too(desk: Desk) -> None:
    job_id = await desk.queued(
        "read", "list", files={"b": "", "a": "", "c": ""}, filters=(("grep", "-v", "b"), ("wc", "-l"))
    )

    response = desk.opened(await desk.run(job_id))

    assert (response.state, response.output, response.exit_code) == (JobState.SUCCEEDED, "2\n", 0)


async def test_stage_that_failed_is_named_and_its_exit_code_is_the_jobs(desk: Desk) -> None:
    job_id = await desk.queued("read", "ok", filters=(("grep", "no"), ("wc", "-l")))

    stored = await desk.run(job_id)

    response = desk.opened(stored)
    assert (response.state, response.output, response.exit_code) == (JobState.FAILED, "0\n", 1)
    assert stored.record.reason == response.error == "grep ended with exit code 1"


@pytest.mark.parametrize(
    ("command_class", "state"), [(CommandClass.READ, JobState.SUCCEEDED), (CommandClass.WRITE, JobState.FAILED)]
)
async def test_only_a_read_may_be_ended_by_a_filter_that_has_enough(
    desk: Desk, command_class: CommandClass, state: JobState
) -> None:
    job_id = await desk.queued("x", "flood", "1000000", filters=(("head", "-c", "3"),), command_class=command_class)

    response = desk.opened(await desk.run(job_id))

    assert (response.state, response.output) == (state, "xxx")


async def test_missing_filter_ends_the_job_before_anything_starts(desk: Desk) -> None:
    job_id = await desk.queued("write", "hang", filters=(("grep", "x"), ("awk", "1")))

    response = desk.opened(await desk.run(job_id))

    assert (response.state, response.output, response.exit_code) == (JobState.FAILED, "", -1)
    assert response.error is not None
    assert "this worker has no awk" in response.error
    assert "grep, uniq, head, tail" in response.error


@pytest.mark.parametrize(
    "sealed", [{"sealed_class": CommandClass.WRITE}, {"sealed_lane": Lane.SLOW}], ids=["class", "lane"]
)
async def test_class_or_lane_that_was_altered_in_redis_runs_nothing(desk: Desk, sealed: dict[str, Any]) -> None:
    """Else a write could be made one that is run again."""
    job_id = await desk.queued("write", "hang", **sealed)

    stored = await desk.run(job_id)

    assert (stored.record.state, stored.response) == (JobState.FAILED, None)


OF_VERSION_1 = {
    "version": 1,
    "tool": "stub",
    "arguments": ["read", "hang"],
    "verb": ["read"],
    "command_class": "read",
    "time_limit_s": LIFETIME_S,
    "queue_wait_s": 0,
}


@pytest.mark.parametrize(
    "sealed", [{"sealed": OF_VERSION_1}, {"version": ENVELOPE_VERSION + 1}], ids=["older", "newer"]
)
async def test_request_of_another_version_ends_with_what_to_do(desk: Desk, sealed: dict[str, Any]) -> None:
    stored = await desk.run(await desk.queued("read", "hang", **sealed))

    assert stored.record.state is JobState.FAILED
    assert "upgrade both to the same version" in str(stored.record.reason)


async def test_request_of_another_job_does_not_open(desk: Desk, redis: Redis) -> None:
    job_id, other_id = await desk.queued("read", "ok"), await desk.queued("read", "say", "other")
    async with redis.pipeline() as pipe:
        pipe.copy(key_names.REQUEST + other_id, key_names.REQUEST + job_id, replace=True)
        pipe.hget(key_names.JOB + other_id, "request_key")
        _, request_key = await pipe.execute()
        pipe.hset(key_names.JOB + job_id, "request_key", request_key)
        await pipe.execute()

    stored = await desk.run(job_id)

    assert (stored.record.state, stored.response) == (JobState.FAILED, None)
    assert stored.record.reason == "this worker's master keys cannot open the request"


async def test_request_that_is_put_back_after_its_time_does_not_run(desk: Desk) -> None:
    """Whatever the record says: a writer in Redis can change that, and not what is sealed."""
    job_id = await desk.queued("write", "ok", sealed_ago_s=int(LIFETIME_S) + SEAL_MARGIN_S + 1)

    stored = await desk.run(job_id)

    assert (stored.record.state, stored.response) == (JobState.FAILED, None)
    assert await desk.jobs.store.events(job_id) == []


@pytest.mark.parametrize("request_bytes", [b"", b"garbage"], ids=["missing", "altered"])
async def test_request_that_was_altered_does_not_open(desk: Desk, redis: Redis, request_bytes: bytes) -> None:
    job_id = await desk.queued("read", "ok")
    await redis.set(key_names.REQUEST + job_id, request_bytes, keepttl=True)

    stored = await desk.run(job_id)

    assert stored.record.reason == "this worker's master keys cannot open the request"


async def test_error_that_nobody_foresaw_ends_the_job_with_a_reference(desk: Desk) -> None:
    job_id = await desk.queued("read", "ok", files={"a": "x", "a/b": "a gateway would have refused these secrets"})

    stored = await desk.run(job_id)

    assert stored.record.state is JobState.FAILED
    assert stored.record.reason is not None
    assert stored.record.reason.startswith("internal error of the worker, reference ")
    assert "secret" not in stored.record.reason


async def test_error_that_nobody_foresaw_keeps_what_is_known_of_changes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(recorder: OutputRecorder, *_: object) -> None:
        recorder.changes.complete(changes.done())
        raise RuntimeError

    monkeypatch.setattr(OutputRecorder, "add", fail)
    job_id = await desk.queued("write", "ok")

    stored = await desk.run(job_id)

    assert stored.record.reason is not None
    assert stored.record.reason.startswith("internal error of the worker, reference ")
    assert await desk.jobs.store.changes(job_id) == {1: 1}


async def test_command_whose_door_is_dead_is_not_started(desk: Desk) -> None:
    kubeconfig = cluster_access.rebuild(kubeconfigs.text(), context=None, allow_loopback=False).kubeconfig
    job_id = await desk.queued("read", "ok", kubeconfig=kubeconfig, needs_cluster=True)
    desk.runner.ways.door.kill()
    await desk.runner.ways.door.gone.wait()

    stored = await desk.run(job_id)

    assert (stored.record.state, stored.record.reason) == (JobState.FAILED, door_death.NOT_STARTED)
    response = desk.opened(stored)
    assert (response.error, response.hint) == (door_death.NOT_STARTED, door_death.NO_CHANGE_SENT)


async def test_job_that_comes_while_the_worker_stops_is_cancelled(desk: Desk) -> None:
    job_id = await desk.queued("write", "hang")
    desk.runner.leases.cancel_all("stopping")

    stored = await desk.run(job_id)

    assert (stored.record.state, stored.record.reason) == (JobState.CANCELLED, "stopping")


async def test_launchers_death_makes_the_job_lost_and_keeps_its_output(desk: Desk, redis: Redis) -> None:
    job_id = await desk.queued("write", "hang")
    running = await desk.started(job_id)
    await wait_until(lambda: redis.exists(key_names.EVENTS + job_id), timeout_s=60)

    desk.runner.launcher.kill()
    await running

    stored = await desk.jobs.stored(job_id)
    assert (stored.record.state, stored.response) == (JobState.LOST, None)
    assert stored.record.reason == "the process that starts commands died"
    assert await desk.jobs.store.events(job_id)


async def test_worker_that_gets_its_own_lost_read_again_ends_the_first_attempt(desk: Desk) -> None:
    job_id = await desk.queued("read", "hang")
    first = await desk.started(job_id)
    await wait_until(lambda: _is_attempt(desk, job_id, 1))
    await desk.jobs.let_lease_end(job_id)
    await desk.jobs.store.sweep(settle_leases=True)

    second = await desk.started(job_id)

    await asyncio.wait_for(first, 10)
    await wait_until(lambda: _is_attempt(desk, job_id, 2))
    desk.runner.leases.cancel_all("enough")
    await second
    stored = await desk.jobs.stored(job_id)
    assert stored.record.state is JobState.CANCELLED
    events = await desk.jobs.store.events(job_id)
    assert {attempt_of(event.sequence) for event in events} == {2}


async def _is_attempt(desk: Desk, job_id: JobId, attempt: int) -> bool:
    stored = await desk.jobs.stored(job_id)
    has_printed = bool(await desk.jobs.store.events(job_id))
    return (stored.record.state, stored.record.attempt) == (JobState.RUNNING, attempt) and has_printed
