"""Which state a job ends in, and what its response says, by how its process ended and what was asked meanwhile."""

import pytest

from shared.changes import ChangeState
from shared.events import EventKind
from shared.models import CommandResponse, JobId, JobState
from shared.tools import failure_hints
from shared.tools.kubectl import definition as kubectl
from tests.support.changes import change, done, told
from tests.support.recorders import recorder_of
from worker.job_control import JobControl
from worker.launcher.protocol import StageExit
from worker.output import command_response, door_death
from worker.output.recorder import OutputLimits, OutputRecorder
from worker.run.execution import Cause, Execution

OK = StageExit(0, None)
FAILED = StageExit(3, None)
KILLED = StageExit(None, 9)
NOT_STARTED = StageExit(127, None, started=False, error="exec: No such file or directory")
TIME_IS_UP = "the time limit was reached and the command was ended"
JOB_ID = JobId("0" * 48)


def of(
    execution: Execution,
    *,
    state: JobState = JobState.SUCCEEDED,
    reason: str = "",
    recorder: OutputRecorder | None = None,
    verb: str = "get",
) -> CommandResponse:
    """Of kubectl."""
    return command_response.of_execution(
        JOB_ID,
        execution,
        state=state,
        reason=reason,
        recorder=recorder or recorder_of(),
        tool=kubectl.TOOL,
        verb=verb,
    )


@pytest.mark.parametrize(
    ("ended", "cause", "state", "reason", "exit_code"),
    [
        pytest.param(OK, Cause.ITSELF, JobState.SUCCEEDED, "", 0, id="success"),
        pytest.param(FAILED, Cause.ITSELF, JobState.FAILED, "", 3, id="failure"),
        pytest.param(KILLED, Cause.ITSELF, JobState.FAILED, "the process was ended by signal 9", -1, id="killed"),
        pytest.param(
            NOT_STARTED, Cause.ITSELF, JobState.FAILED, "exec: No such file or directory", -1, id="never started"
        ),
        pytest.param(KILLED, Cause.TIME_LIMIT, JobState.TIMED_OUT, TIME_IS_UP, -1, id="timed out"),
        pytest.param(FAILED, Cause.TIME_LIMIT, JobState.TIMED_OUT, TIME_IS_UP, -1, id="timed out with its own code"),
        pytest.param(OK, Cause.TIME_LIMIT, JobState.TIMED_OUT, TIME_IS_UP, -1, id="timed out and says success"),
        pytest.param(KILLED, Cause.STOP, JobState.CANCELLED, "asked", -1, id="cancelled"),
        pytest.param(FAILED, Cause.STOP, JobState.CANCELLED, "asked", -1, id="cancelled with its own code"),
        pytest.param(OK, Cause.STOP, JobState.SUCCEEDED, "", 0, id="done before the signal came"),
        pytest.param(NOT_STARTED, Cause.STOP, JobState.CANCELLED, "asked", -1, id="cancelled before it started"),
    ],
)
@pytest.mark.parametrize("stop_comes", [True, False])
def test_end_of_a_process_is_a_state_and_a_reason(
    *, ended: StageExit, cause: Cause, state: JobState, reason: str, exit_code: int, stop_comes: bool
) -> None:
    control = JobControl()
    if stop_comes or cause is Cause.STOP:
        control.cancel("asked")
    execution = Execution(ended, 5, cause)

    found = command_response.final_state(execution, control, is_endless=False)
    response = of(execution, state=state, reason=reason)

    assert found == (state, reason)
    assert (response.state, response.exit_code, response.success) == (state, exit_code, state is JobState.SUCCEEDED)
    assert response.error == (reason or None)
    assert response.duration_ms == 5


@pytest.mark.parametrize(
    ("ended", "cause", "reason"),
    [
        pytest.param(OK, Cause.ITSELF, "", id="success"),
        pytest.param(FAILED, Cause.ITSELF, "grep ended with exit code 3", id="failure"),
        pytest.param(KILLED, Cause.ITSELF, "grep was ended by signal 9", id="killed"),
        pytest.param(
            StageExit(None, 13),
            Cause.ITSELF,
            "grep was ended early, because the next filter stopped reading",
            id="cut off",
        ),
        pytest.param(NOT_STARTED, Cause.ITSELF, "grep: exec: No such file or directory", id="never started"),
        pytest.param(KILLED, Cause.TIME_LIMIT, TIME_IS_UP, id="timed out"),
        pytest.param(FAILED, Cause.STOP, "asked", id="cancelled"),
    ],
)
def test_of_several_stages_the_reason_names_the_one_that_failed(ended: StageExit, cause: Cause, reason: str) -> None:
    control = JobControl()
    control.cancel("asked")

    assert command_response.final_state(Execution(ended, 5, cause, "grep"), control, is_endless=False)[1] == reason


@pytest.mark.parametrize(
    ("printed", "reason", "error"),
    [("", "", None), ("warned\n", "", "warned\n"), ("", "why", "why"), ("warned\n", "why", "warned\nwhy")],
)
def test_error_is_what_was_printed_and_then_the_reason(printed: str, reason: str, error: str | None) -> None:
    recorder = recorder_of()
    recorder.add(EventKind.STDERR, printed.encode())

    response = of(Execution(OK, 1, Cause.ITSELF), reason=reason, recorder=recorder)

    assert response.error == error


@pytest.mark.parametrize("kind", [EventKind.STDOUT, EventKind.STDERR])
def test_response_tells_that_something_is_missing(kind: EventKind) -> None:
    recorder = recorder_of(OutputLimits(response_characters=3, stored_bytes=1_000))
    recorder.add(kind, b"four")

    response = of(Execution(OK, 1, Cause.ITSELF), recorder=recorder)

    assert response.truncated
    assert "fou" in (response.output, response.error)


@pytest.mark.parametrize("ended", [OK, FAILED, KILLED])
def test_watch_that_its_time_limit_ends_is_a_success(ended: StageExit) -> None:
    execution = Execution(ended, 1, Cause.TIME_LIMIT)

    state, reason = command_response.final_state(execution, JobControl(), is_endless=True)
    response = of(execution, state=state, reason=reason)

    assert (state, reason, response.exit_code, response.success) == (JobState.SUCCEEDED, "", 0, True)
    assert response.hint == command_response.WATCH_ENDED


@pytest.mark.parametrize(
    ("ended", "state", "reason"),
    [(OK, JobState.SUCCEEDED, ""), (FAILED, JobState.FAILED, "grep ended with exit code 3")],
)
def test_watch_whose_filter_failed_has_failed(ended: StageExit, state: JobState, reason: str) -> None:
    execution = Execution(ended, 1, Cause.TIME_LIMIT, "grep")

    assert command_response.final_state(execution, JobControl(), is_endless=True) == (state, reason)


@pytest.mark.parametrize("cause", [Cause.ITSELF, Cause.STOP])
def test_command_without_an_end_that_was_stopped_has_not_succeeded(cause: Cause) -> None:
    """A watch ends with code 0 when its connection ends, as with the door."""
    control = JobControl()
    control.fail("the door died")

    assert command_response.final_state(Execution(OK, 5, cause), control, is_endless=True) == (
        JobState.FAILED,
        "the door died",
    )


def test_watch_that_never_started_is_no_success() -> None:
    state, _ = command_response.final_state(Execution(NOT_STARTED, 1, Cause.TIME_LIMIT), JobControl(), is_endless=True)

    assert state is JobState.TIMED_OUT


def test_differences_are_told_from_failures() -> None:
    found = of(Execution(StageExit(1, None), 1, Cause.ITSELF), state=JobState.FAILED, verb="diff")
    recorder = recorder_of()
    recorder.add(EventKind.STDERR, b'error: the server doesn\'t have a resource type "pood"\n')
    failed = of(Execution(StageExit(1, None), 1, Cause.ITSELF), state=JobState.FAILED, recorder=recorder, verb="diff")

    assert found.hint == kubectl.DIFFERENCES
    assert failed.hint != kubectl.DIFFERENCES


def test_known_failure_comes_with_its_next_step() -> None:
    recorder = recorder_of()
    recorder.add(EventKind.STDERR, b'error: the server doesn\'t have a resource type "pood"\n')

    response = of(Execution(FAILED, 1, Cause.ITSELF), state=JobState.FAILED, recorder=recorder)

    assert response.hint is not None
    assert "api-resources" in response.hint


@pytest.mark.parametrize("label", ["", "[helm] "])
def test_program_that_got_no_more_memory_says_what_to_do(label: str) -> None:
    recorder = recorder_of()
    trace = "goroutine 1 [running]:\n" * 1_000
    error = f"{label}runtime: out of memory: cannot allocate 4194304-byte block (1002307584 in use)\n"
    recorder.add(EventKind.STDERR, f"{error}{label}fatal error: out of memory\n\n{trace}".encode())

    response = of(Execution(FAILED, 1, Cause.ITSELF), state=JobState.FAILED, recorder=recorder)

    assert response.hint == failure_hints.OUT_OF_MEMORY


def test_command_that_used_too_much_memory_says_what_to_do() -> None:
    reason = "the command was ended because it used more than 2147483648 bytes of memory"

    response = of(Execution(KILLED, 1, Cause.STOP), state=JobState.FAILED, reason=reason)

    assert response.hint == failure_hints.OUT_OF_MEMORY
    assert response.error == reason


@pytest.mark.parametrize("cause", [Cause.STOP, Cause.ITSELF], ids=["is stopped", "ends by itself before"])
def test_command_whose_door_died_says_so_however_it_ended(cause: Cause) -> None:
    recorder = recorder_of()
    recorder.add(EventKind.STDERR, b"dial tcp 10.0.0.1:443: connect: connection refused\n")
    control, execution = JobControl(), Execution(FAILED, 1, cause)
    control.fail(door_death.ENDED)

    state, reason = command_response.final_state(execution, control, is_endless=False)
    response = of(execution, state=state, reason=reason, recorder=recorder)

    assert (response.state, reason) == (JobState.FAILED, door_death.ENDED)
    assert f"{response.error}".endswith(door_death.ENDED)
    assert response.hint == door_death.NO_CHANGE_SENT


def test_command_whose_door_died_during_a_change_says_how_to_go_on() -> None:
    recorder = recorder_of()
    recorder.changes.complete(change(1))
    execution = Execution(FAILED, 1, Cause.STOP)

    response = of(execution, state=JobState.FAILED, reason=door_death.ENDED, recorder=recorder)

    assert "on their way" in f"{response.error}"
    assert response.hint == door_death.CHANGES_LEFT


def test_command_whose_changes_were_all_refused_has_changed_nothing() -> None:
    recorder = recorder_of()
    recorder.changes.complete(change(1, state=ChangeState.REFUSED))

    response = of(Execution(FAILED, 1, Cause.STOP), state=JobState.FAILED, reason=door_death.ENDED, recorder=recorder)

    assert response.hint == door_death.NO_CHANGE_SENT


def test_failure_of_a_filter_is_not_taken_for_one_of_the_tool() -> None:
    recorder = recorder_of()
    recorder.add(EventKind.STDERR, b"[yq] Error: unknown command\n")

    assert of(Execution(FAILED, 1, Cause.ITSELF, "yq"), state=JobState.FAILED, recorder=recorder).hint is None


def test_command_that_did_not_run_says_why() -> None:
    response = command_response.not_run(JOB_ID, "because")

    assert (response.success, response.exit_code, response.error) == (False, -1, "because")
    assert (response.state, response.duration_ms, response.output) == (JobState.FAILED, 0, "")


@pytest.mark.parametrize(
    ("ended", "cause", "state", "reason"),
    [
        (OK, Cause.ITSELF, JobState.FAILED, "no mask; the command itself succeeded"),
        (FAILED, Cause.ITSELF, JobState.FAILED, "no mask"),
        (KILLED, Cause.TIME_LIMIT, JobState.TIMED_OUT, f"no mask; {TIME_IS_UP}"),
    ],
    ids=["success", "failure", "timed out"],
)
def test_command_whose_output_is_withheld_is_no_success_and_says_what_it_did(
    ended: StageExit, cause: Cause, state: JobState, reason: str
) -> None:
    execution = Execution(ended, 1, cause, withheld="no mask")

    found = command_response.final_state(execution, JobControl(), is_endless=False)
    response = of(execution, state=found[0], reason=found[1])

    assert found == (state, reason)
    assert (response.success, response.exit_code, response.error) == (False, -1, reason)


@pytest.mark.parametrize("mark", ["[masked, 7 bytes]", "W21hc2tlZCwgNyBieXRlc10="], ids=["plain", "base64"])
def test_response_says_that_values_are_masked(mark: str) -> None:
    recorder = recorder_of()
    recorder.add(EventKind.STDOUT, f"a: {mark}\n".encode())
    assert of(Execution(OK, 1, Cause.ITSELF), recorder=recorder).hint == command_response.MASKED
    watched = of(Execution(KILLED, 1, Cause.TIME_LIMIT), recorder=recorder).hint
    assert watched == f"{command_response.WATCH_ENDED} {command_response.MASKED}"
    assert of(Execution(FAILED, 1, Cause.ITSELF), state=JobState.FAILED, recorder=recorder).hint is None


def recorder_with_changes() -> OutputRecorder:
    """Of a command that was acknowledged one change, waits for the outcome of another, and was refused a third."""
    recorder = recorder_of()
    recorder.add(EventKind.STDERR, b"printed\n")
    for each in (done(1), change(2), change(3, state=ChangeState.REFUSED)):
        recorder.changes.complete(each)
    return recorder


def test_response_has_the_changes() -> None:
    response = of(Execution(OK, 5, Cause.ITSELF), recorder=recorder_with_changes())

    assert response.changes == told(done(1), change(2), change(3, state=ChangeState.REFUSED))
    assert response.error == "printed\n"


def test_command_that_asked_for_no_change_has_none() -> None:
    assert of(Execution(OK, 5, Cause.ITSELF)).changes is None


@pytest.mark.parametrize(
    ("cause", "state"),
    [
        (Cause.TIME_LIMIT, JobState.TIMED_OUT),
        (Cause.STOP, JobState.CANCELLED),
        (Cause.STOP, JobState.LOST),
        (Cause.STOP, JobState.FAILED),
    ],
)
def test_command_that_was_cut_short_says_what_it_changed_before_the_reason(cause: Cause, state: JobState) -> None:
    response = of(Execution(KILLED, 5, cause), state=state, reason="asked", recorder=recorder_with_changes())

    assert (response.error or "").splitlines() == [
        "printed",
        "the API server has acknowledged: created Deployment shop/web-1",
        "on their way, and may have happened: create Deployment shop/web-2",
        "asked",
    ]


@pytest.mark.parametrize("ended", [FAILED, KILLED])
def test_command_that_failed_by_itself_needs_no_account(ended: StageExit) -> None:
    response = of(Execution(ended, 5, Cause.ITSELF), state=JobState.FAILED, recorder=recorder_with_changes())

    assert response.error == "printed\n"
