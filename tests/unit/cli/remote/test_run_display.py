"""What `mcp-k8s run` prints of events, and on which stream."""

import pytest

from cli.remote.gateway_client import Event
from cli.remote.run_display import RunDisplay


def shown(*events: Event) -> None:
    with RunDisplay("job") as display:
        for event in events:
            display.show(event)


def test_progress_and_hint_are_lines_on_stderr_and_leave_stdout_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    shown(
        Event("state", {"state": "queued"}),
        Event("state", {"state": "running"}),
        Event("stdout", {"text": "begun"}),
        Event("progress", {"text": "9/12 ready"}),
        Event("progress", {"text": "12/12 ready"}),
        Event("stdout", {"text": ", done\n"}),
        Event("state", {"state": "failed"}),
        Event("end", {"state": "failed", "exit_code": 1, "hint": "Look again."}),
    )

    printed = capsys.readouterr()
    assert printed.out == "begun, done\n"
    assert printed.err == "\nwaiting: 9/12 ready\nwaiting: 12/12 ready\nhint: Look again.\n"


def test_last_line_sums_up_the_changes(capsys: pytest.CaptureFixture[str]) -> None:
    shown(
        Event("change", {"number": 1, "verb": "create", "state": "on_its_way"}),
        Event("stdout", {"text": "deployed\n"}),
        Event("end", {"state": "succeeded", "exit_code": 0, "hint": "Look.", "changes": "3 created, 1 refused"}),
    )

    printed = capsys.readouterr()
    assert printed.out == "deployed\n"
    assert printed.err == "hint: Look.\n3 created, 1 refused\n"


def test_restart_of_a_read_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    shown(Event("stdout", {"text": "half\n"}), Event("restart", {"attempt": 2}), Event("state", {"state": "queued"}))

    assert capsys.readouterr().err.startswith("the worker was lost: the command starts again")
