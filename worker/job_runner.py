"""Runs one taken job: unseal, run, stream, settle.

Every claimed job is settled, with two exceptions: after a lost lease nothing may be written, and if this process dies,
another process settles the job.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
from opentelemetry.trace import Tracer
from pydantic import ValidationError

import shared
from shared import events, logs
from shared.errors import RequestError
from shared.metrics import Phase
from shared.models import CommandClass, CommandResponse, JobState
from shared.redis.redis_connection import UNAVAILABLE
from shared.sealing.envelope import Command, RequestEnvelope
from shared.sealing.fernet_keys import DataKey, MasterKeys, Purpose, SealError
from shared.store.attempts import Attempt, Claim, Ending
from shared.store.job_store import JobStore
from worker import job_spans
from worker.door.client.client import DoorGoneError
from worker.job_control import JobControl
from worker.job_times import JobTimes
from worker.job_ways import Guest, JobWays, WayOpener
from worker.launcher.client import Launcher, LauncherGoneError, Reservation
from worker.leases import LeaseKeeper
from worker.machine.filter_binaries import FilterBinary
from worker.machine.tool_binaries import ToolBinary
from worker.observer.observatory import Observatory
from worker.output import command_response, door_death
from worker.output.recorder import OutputLimits, OutputRecorder
from worker.run import command_plan, disk_watch, job_directory, memory_watch
from worker.run.command_plan import CommandPlan, PlanSettings
from worker.run.execution import Execution, Sink, starting
from worker.run.job_directory import JobDirectory

RETRY_DELAY_S = 0.5
INTERNAL_ERROR = "internal error of the worker, reference"
OTHER_VERSION = "the gateway and this worker run different versions of mcp-k8s: upgrade both to the same version"
SEAL_MARGIN_S = 60
"""Seconds added to a request's lifetime, because the gateway's and the worker's clocks may differ."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """The worker's settings for running jobs."""

    plan: PlanSettings
    output: OutputLimits
    kill_grace_s: float
    work_directory: Path
    local_output_bytes: int = 1024 * 1024
    """Bytes of output that are stored of a command that touches no cluster."""

    def output_limits(self, command_class: CommandClass) -> OutputLimits:
        """Returns the limits of a command's output."""
        if command_class is not CommandClass.LOCAL:
            return self.output
        return replace(self.output, stored_bytes=min(self.local_output_bytes, self.output.stored_bytes))


@dataclass(frozen=True, slots=True)
class OpenedJob:
    """A claimed job with its opened request and everything that it needs to run."""

    claim: Claim
    control: JobControl
    times: JobTimes
    output_key: DataKey
    envelope: RequestEnvelope
    directory: JobDirectory
    reservation: Reservation | None
    """The spare in which the tool runs, whose directory is the job's."""


@dataclass(frozen=True, slots=True)
class JobRunner:
    """Runs the jobs of one worker process."""

    store: JobStore
    master_keys: MasterKeys
    leases: LeaseKeeper
    launcher: Launcher
    binaries: Mapping[str, ToolBinary]
    filters: Mapping[str, FilterBinary]
    ways: WayOpener
    observatory: Observatory
    settings: RunnerSettings
    tracer: Tracer

    async def run(self, claim: Claim) -> None:
        """Runs a job that a lane has taken, and settles it."""
        if claim.record.attempt > 1:
            # The first attempt has lost its lease, but this worker may not know that yet.
            self.leases.lose(claim.record.id)
        logs.begin(job_id=claim.record.id, tool=claim.record.tool, command_class=claim.record.command_class)
        with self.leases.hold(claim.attempt) as control:
            await self.leases.cancel_if_asked(claim)
            await self._run_claimed(claim, control)

    async def _run_claimed(self, claim: Claim, control: JobControl) -> None:
        times = JobTimes(claim.record)
        # The job is settled first, so that no caller waits for the removal of its directory.
        async with AsyncExitStack() as cleanup:
            ending = await self._ending(claim, control, times=times, cleanup=cleanup)
            await self._settle(claim.attempt, control, ending)
            times.end(Phase.DELIVER)

    async def _ending(self, claim: Claim, control: JobControl, *, times: JobTimes, cleanup: AsyncExitStack) -> Ending:
        output_key: DataKey | None = None
        try:
            output_key, envelope = self._open(claim)
            cleanup.enter_context(job_spans.running(self.tracer, claim.record, envelope))
            reservation, directory = await self._place(envelope.command, cleanup)
            job = OpenedJob(claim, control, times, output_key, envelope, directory, reservation)
            return await self._run_opened(job)
        except SealError as error:
            log.error("request cannot be opened", error=str(error))
            return Ending(JobState.FAILED, "this worker's master keys cannot open the request", b"")
        except ValidationError:
            log.error("request has another version", version=shared.__version__)
            return Ending(JobState.FAILED, OTHER_VERSION, b"")
        except RequestError as error:
            return _sealed_ending(output_key, command_response.not_run(claim.record.id, error.detail), error.detail)
        except Exception:
            log.exception("job failed inside the worker", reference=(reference := secrets.token_hex(4)))
            return Ending(JobState.FAILED, f"{INTERNAL_ERROR} {reference}", b"")

    async def _place(self, command: Command, cleanup: AsyncExitStack) -> tuple[Reservation | None, JobDirectory]:
        """Takes a spare that is ready for the tool, with its directory. Without one, a directory is made."""
        reservation = await self.launcher.reserve(command.tool)
        if reservation is None:
            place = job_directory.create(self.settings.work_directory, command.files)
        else:
            cleanup.callback(self.launcher.release, reservation)
            place = job_directory.use(reservation.directory, command.files)
        return reservation, await cleanup.enter_async_context(place)

    def _open(self, claim: Claim) -> tuple[DataKey, RequestEnvelope]:
        identity = claim.record.identity
        output_key = self.master_keys.unwrap(claim.record.output_key, identity, Purpose.OUTPUT_KEY)
        if claim.record.request_key is None:
            raise SealError("the record has no request key")
        request_key = self.master_keys.unwrap(claim.record.request_key, identity, Purpose.REQUEST_KEY)
        envelope = RequestEnvelope.model_validate_json(request_key.open(claim.request, Purpose.REQUEST))
        request_key.check_age(claim.request, max_s=envelope.lifetime_s + SEAL_MARGIN_S)
        if (envelope.command_class, envelope.lane) != (claim.record.command_class, claim.record.lane):
            raise SealError("the class or lane in the record differs from the request: the record was altered")
        return output_key, envelope

    async def _run_opened(self, job: OpenedJob) -> Ending:
        recorder = OutputRecorder(
            self.store,
            job.claim.attempt,
            job.control,
            key=job.output_key,
            limits=self.settings.output_limits(job.envelope.command_class),
            last_sequence=events.last_before(job.claim.record.attempt),
        )
        try:
            async with recorder.streaming():
                execution = await self._execute(job, recorder)
        except LauncherGoneError:
            return _unfinished(JobState.LOST, "the process that starts commands died", recorder)
        except DoorGoneError:
            reason = door_death.NOT_STARTED
            response = command_response.not_run(job.claim.record.id, reason, hint=door_death.NO_CHANGE_SENT)
            return _sealed_ending(job.output_key, response, reason, recorder=recorder)
        except RequestError:
            raise
        except Exception:
            log.exception("job failed inside the worker", reference=(reference := secrets.token_hex(4)))
            return _unfinished(JobState.FAILED, f"{INTERNAL_ERROR} {reference}", recorder)
        recorder.count()
        state, reason = command_response.final_state(execution, job.control, is_endless=job.envelope.is_endless)
        response = command_response.of_execution(
            job.claim.record.id,
            execution,
            state=state,
            reason=reason,
            recorder=recorder,
            tool=self.binaries[job.envelope.command.tool].tool,
            verb=" ".join(job.envelope.command.verb),
        )
        return _sealed_ending(job.output_key, response, reason, recorder=recorder)

    async def _execute(self, job: OpenedJob, recorder: OutputRecorder) -> Execution:
        time_limit_s = job.envelope.time_limit_s
        async with self.ways.opened(self._guest(job, recorder)) as opened:
            plan = command_plan.build(
                job.envelope.command,
                self.binaries[job.envelope.command.tool],
                job.directory,
                time_limit_s=time_limit_s,
                settings=self.settings.plan,
                filters=self.filters,
                ways=opened.ways,
            )
            plan = replace(plan, reservation=job.reservation)
            await _admitted(opened, plan)
            # The watchers are set up while the process starts.
            async with (
                starting(plan, self.launcher) as started,
                memory_watch.watching(started.living_groups, self.settings.plan.job_memory_bytes, job.control),
                self._watched(job, recorder, opened) as sink,
            ):
                job.times.end(Phase.START)
                with job_spans.process(self.tracer, job.envelope.command.tool) as ended:
                    execution = await started.end(
                        sink,
                        control=job.control,
                        time_limit_s=time_limit_s,
                        kill_grace_s=self.settings.kill_grace_s,
                        is_endless=job.envelope.is_endless,
                        must_finish=not job.envelope.command_class.changes_nothing,
                    )
                    ended(execution)
                job.times.end(Phase.RUN)
        return _with_refusals(execution, opened)

    def _guest(self, job: OpenedJob, recorder: OutputRecorder) -> Guest:
        tool = self.binaries[job.envelope.command.tool].tool
        return Guest(job.claim.record.id, job.claim.record.principal, job.envelope, tool, job.control, recorder.changes)

    @asynccontextmanager
    async def _watched(self, job: OpenedJob, recorder: OutputRecorder, opened: JobWays) -> AsyncIterator[Sink]:
        """Runs the watchers beside the command. Yields the sink for the command's output."""
        async with (
            disk_watch.watching(job.directory.root, self.settings.plan.job_file_bytes, job.control),
            self.observatory.observed(
                job.envelope.awaited, opened.ask, opened.paths, sink=recorder.add, tell=recorder.tell
            ) as sink,
        ):
            yield sink

    async def _settle(self, attempt: Attempt, control: JobControl, ending: Ending) -> None:
        job_spans.note_ending(ending)
        while not control.is_lost:
            try:
                settled = await self.store.settle(attempt, ending)
            except UNAVAILABLE as error:
                log.warning("job not settled yet", error=type(error).__name__)
                await asyncio.sleep(RETRY_DELAY_S)
                continue
            log.info("job finished", state=ending.state, settled=settled)
            return
        log.warning("lease lost")


def _unfinished(state: JobState, reason: str, recorder: OutputRecorder) -> Ending:
    """Returns an ending without a response, with the last events."""
    recorder.count()
    events_left = recorder.remaining()
    return Ending(state, reason, b"", events_left, recorder.newest_progress)


def _with_refusals(execution: Execution, opened: JobWays) -> Execution:
    if opened.visit is None:
        return execution
    refused = opened.visit.refusals
    return replace(execution, refused_change=refused.change, refused_read=refused.read)


async def _admitted(opened: JobWays, plan: CommandPlan) -> None:
    """Waits until the door knows the command. Raises DoorGoneError."""
    try:
        if opened.visit is not None:
            await opened.visit.admitted()
    except BaseException:
        plan.close()
        raise


def _sealed_ending(
    key: DataKey | None, response: CommandResponse, reason: str, *, recorder: OutputRecorder | None = None
) -> Ending:
    sealed = key.seal(response.model_dump_json().encode(), Purpose.RESPONSE) if key else b""
    if recorder is None:
        return Ending(response.state, reason, sealed)
    return Ending(response.state, reason, sealed, recorder.remaining(), recorder.newest_progress)
