"""Builds the CommandResponse of a job whose process ended here."""

from shared.events import EventKind
from shared.models import CommandResponse, JobId, JobState
from worker.execution import Cause, Execution
from worker.job_control import JobControl
from worker.output import OutputRecorder

NO_EXIT_CODE = -1


def final_state(execution: Execution, control: JobControl) -> tuple[JobState, str]:
    """The state and, where the process did not end by itself, why.

    A CLI that catches SIGTERM ends with a code of its own, as helm does: it was cancelled unless it says success.
    """
    if execution.cause is Cause.TIME_LIMIT:
        return JobState.TIMED_OUT, "the time limit was reached and the command was ended"
    if execution.exit.exit_code == 0:
        return JobState.SUCCEEDED, ""
    if execution.cause is Cause.STOP and control.stop is not None:
        return JobState.CANCELLED, control.stop.reason
    if execution.exit.signal is not None:
        return JobState.FAILED, f"the process was ended by signal {execution.exit.signal}"
    return JobState.FAILED, execution.exit.error or ""


def of_execution(
    job_id: JobId, execution: Execution, *, state: JobState, reason: str, recorder: OutputRecorder
) -> CommandResponse:
    """The response of a job whose process ran, whatever became of it."""
    output, output_cut = recorder.text(EventKind.STDOUT)
    printed, error_cut = recorder.text(EventKind.STDERR)
    ended_itself = execution.exit.started and state in (JobState.SUCCEEDED, JobState.FAILED)
    return CommandResponse(
        success=state is JobState.SUCCEEDED,
        output=output,
        error=_joined(printed, reason) or None,
        exit_code=execution.exit.exit_code if ended_itself and execution.exit.exit_code is not None else NO_EXIT_CODE,
        job_id=job_id,
        state=state,
        duration_ms=execution.duration_ms,
        truncated=output_cut or error_cut or recorder.dropped_bytes > 0,
    )


def not_run(job_id: JobId, reason: str) -> CommandResponse:
    """For a job whose command never started."""
    return CommandResponse(
        success=False,
        output="",
        error=reason,
        exit_code=NO_EXIT_CODE,
        job_id=job_id,
        state=JobState.FAILED,
        duration_ms=0,
    )


def _joined(printed: str, reason: str) -> str:
    return f"{printed.rstrip()}\n{reason}".strip() if reason else printed
