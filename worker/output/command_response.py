"""Builds the CommandResponse of a job that ended on this worker."""

import signal

from shared import terminal
from shared.events import EventKind
from shared.models import CommandResponse, FailureCode, JobId, JobState
from shared.tools import failure_hints
from shared.tools.tool import Tool
from worker.door.masking import marks
from worker.job_control import JobControl, StopKind
from worker.output import door_death
from worker.output.recorder import OutputRecorder
from worker.run import memory_watch
from worker.run.execution import Cause, Execution

NO_EXIT_CODE = -1
STATES = {StopKind.CANCELLED: JobState.CANCELLED, StopKind.FAILED: JobState.FAILED, StopKind.LOST: JobState.LOST}
"""End state of a stopped command, by the kind of stop."""
MASKED = (
    "Values of Secrets, and values named like a credential, are shown as `[masked, N bytes]`, under `data` in base64, "
    "and cannot be read here: do not write these marks back."
)
DENIED = (
    "The command asked for a change that is refused, and `error` says by which rule. `changes` says what was changed "
    "before."
)
UNREAD = "The command could not read all that it asked for:"
WATCH_ENDED = "The command does not end by itself, so its time limit ended it: the output is complete up to that point."


def final_state(execution: Execution, control: JobControl, *, is_endless: bool) -> tuple[JobState, str]:
    """Returns the state and, if the process did not end by itself, the reason.

    A stopped CLI that catches SIGTERM, such as helm, may end with an exit code of its own. The command counts as
    stopped unless that code is 0. A command of which a change was refused fails, whatever its exit code. A command that
    never ends by itself succeeds when it reaches its time limit, unless
    a filter failed, but not when it is stopped: with code 0 too it has not seen all. A command whose output is withheld
    fails, although it may have taken effect.
    """
    state, reason = _state(execution, control, is_endless=is_endless)
    refused = execution.refused_change
    if refused and state in (JobState.SUCCEEDED, JobState.FAILED):
        state, reason = JobState.FAILED, refused if refused in reason else "; ".join(filter(None, (refused, reason)))
    if execution.withheld is None:
        return state, reason
    done = "the command itself succeeded" if state is JobState.SUCCEEDED else reason
    return JobState.FAILED if state is JobState.SUCCEEDED else state, "; ".join(
        filter(None, (execution.withheld, done))
    )


def _state(execution: Execution, control: JobControl, *, is_endless: bool) -> tuple[JobState, str]:
    if execution.cause is Cause.TIME_LIMIT:
        if not (is_endless and execution.exit.started):
            return JobState.TIMED_OUT, "the time limit was reached and the command was ended"
        if execution.stage is None:
            return JobState.SUCCEEDED, ""
    is_cut_short = is_endless and control.stop is not None
    if execution.exit.exit_code == 0 and not is_cut_short:
        return JobState.SUCCEEDED, ""
    stop = control.stop
    # A command whose door died may end by itself before it is stopped.
    if stop is not None and (is_cut_short or execution.cause is Cause.STOP or door_death.is_reason(stop.reason)):
        return STATES[stop.kind], stop.reason
    return JobState.FAILED, _failure(execution)


def _failure(execution: Execution) -> str:
    """Describes the failure. In a pipeline it names the stage that failed."""
    ended, stage = execution.exit, execution.stage
    if ended.error is not None:
        return f"{stage}: {ended.error}" if stage else ended.error
    if stage and ended.signal == signal.SIGPIPE:
        return f"{stage} was ended early, because the next filter stopped reading"
    if ended.signal is not None:
        return f"{stage or 'the process'} was ended by signal {ended.signal}"
    return f"{stage} ended with exit code {ended.exit_code}" if stage else ""


def of_execution(
    job_id: JobId,
    execution: Execution,
    *,
    state: JobState,
    reason: str,
    recorder: OutputRecorder,
    tool: Tool,
    verb: str,
) -> CommandResponse:
    """Returns the response of a job whose process was started."""
    lost_door = door_death.is_reason(reason)
    is_cut_short = lost_door or (execution.cause is not Cause.ITSELF and state is not JobState.SUCCEEDED)
    account = recorder.changes.account() if is_cut_short else []
    output, output_cut = recorder.text(EventKind.STDOUT)
    printed, error_cut = recorder.text(EventKind.STDERR)
    return CommandResponse(
        success=state is JobState.SUCCEEDED,
        output=terminal.plain(output),
        error=_joined(terminal.plain(printed), "\n".join(filter(None, (*account, _unsaid(reason, printed))))) or None,
        exit_code=_exit_code(execution, state),
        job_id=job_id,
        state=state,
        duration_ms=execution.duration_ms,
        truncated=output_cut or error_cut or recorder.dropped_bytes > 0,
        hint=door_death.hint(account)
        if lost_door
        else _finding(execution, output)
        if state is JobState.SUCCEEDED
        else _hint(execution, state, reason=reason, printed=printed, tool=tool, verb=verb),
        code=FailureCode.EFFECT_DENIED if execution.refused_change and state is JobState.FAILED else None,
        changes=recorder.changes.told(),
    )


def not_run(job_id: JobId, reason: str, *, hint: str | None = None) -> CommandResponse:
    """Returns the response of a job whose command never started."""
    return CommandResponse(
        success=False,
        output="",
        error=reason,
        exit_code=NO_EXIT_CODE,
        job_id=job_id,
        state=JobState.FAILED,
        duration_ms=0,
        hint=hint,
    )


def _exit_code(execution: Execution, state: JobState) -> int:
    """Returns the process's own code if it ended by itself, and 0 for a watch that reached its time limit."""
    if state is JobState.SUCCEEDED:
        return 0
    own = None if execution.withheld else execution.exit.exit_code
    return own if state is JobState.FAILED and execution.exit.started and own is not None else NO_EXIT_CODE


def _finding(execution: Execution, output: str) -> str | None:
    """Returns the hint of a command that has succeeded."""
    ended = WATCH_ENDED if execution.cause is Cause.TIME_LIMIT else None
    masked = MASKED if marks.are_in(output.encode(errors="replace")) else None
    unread = f"{UNREAD} {execution.refused_read}" if execution.refused_read else None
    return " ".join(filter(None, (ended, masked, unread))) or None


def _hint(execution: Execution, state: JobState, *, reason: str, printed: str, tool: Tool, verb: str) -> str | None:
    if execution.refused_change:
        return DENIED
    if state is JobState.FAILED and (memory_watch.is_reason(reason) or failure_hints.ran_out_of_memory(printed)):
        return failure_hints.OUT_OF_MEMORY
    failed_itself = state is JobState.FAILED and execution.stage in (None, tool.name)
    if not failed_itself:
        return None
    if verb in tool.helpers and execution.exit.exit_code == 1 and not printed:
        return tool.helpers[verb].finding
    return failure_hints.find(tool.failure_hints, printed)


def _unsaid(reason: str, printed: str) -> str:
    """Returns the reason unless the command has printed it, as CLIs do with what an API server answers."""
    return "" if reason in printed else reason


def _joined(printed: str, reason: str) -> str:
    return f"{printed.rstrip()}\n{reason}".strip() if reason else printed
