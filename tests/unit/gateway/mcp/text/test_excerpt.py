"""Long output is cut at whole lines, and what is left out can be found again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.jobs.responses import JobText
from gateway.mcp.text import excerpt, results
from shared.changes import Changes
from shared.models import CommandResponse, Job, JobId, JobLinks, JobState
from tests.support.changes import change, done, told

MOST = 4_000
JOB_ID = JobId("0" * 48)
LINES = "".join(f"pod/web-{number}   Running\n" for number in range(2_000))


def job(
    output: str,
    error: str | None = None,
    *,
    hint: str | None = None,
    truncated: bool = False,
    changes: Changes | None = None,
) -> Job:
    response = CommandResponse(
        success=error is None,
        output=output,
        error=error,
        exit_code=0 if error is None else 1,
        job_id=JOB_ID,
        state=JobState.SUCCEEDED if error is None else JobState.FAILED,
        duration_ms=1,
        truncated=truncated,
        hint=hint,
        changes=changes,
    )
    return Job.model_validate(
        {
            "id": JOB_ID,
            "tool": "kubectl",
            "state": response.state,
            "class": "read",
            "created_at": "2026-01-01T00:00:00Z",
            "response": response,
            "links": JobLinks(self="", events="", output="", changes=""),
        }
    )


def shown(found: Job, most: int = MOST) -> tuple[str, CommandResponse]:
    """The text of the result, and what stands in it."""
    result = results.of_job(found, JobText(), most=most)
    [content] = result.content
    text: str = content.model_dump()["text"]
    assert result.structured_content == json.loads(text)
    return text, CommandResponse.model_validate_json(text)


def test_output_that_fits_is_shown_as_it_is() -> None:
    assert shown(job("one\ntwo\n", "warning\n"))[1] == job("one\ntwo\n", "warning\n").response


def test_long_output_keeps_whole_lines_of_both_ends_and_says_how_to_read_on() -> None:
    text, response = shown(job(LINES))

    lines = response.output.splitlines()
    [place] = [number for number, line in enumerate(lines) if line.startswith("[… ")]
    head, marker, tail = lines[:place], lines[place], lines[place + 1 :]
    everything = LINES.splitlines()
    assert len(text) <= MOST
    assert (head, tail) == (everything[:place], everything[-len(tail) :])
    assert len(head) > len(tail) > 0
    assert f"{len(everything) - len(head) - len(tail)} lines" in marker
    assert response.truncated
    offset = int(marker.partition("offset=")[2].partition(".")[0])
    assert LINES.encode()[offset:].startswith(f"{everything[place]}\n".encode())
    assert f"read_output with job_id={JOB_ID}, stream=stdout" in marker
    assert "--tail" in marker


def test_last_lines_of_a_long_error_survive_a_long_output() -> None:
    text, response = shown(job(LINES, LINES + "Error: release: not found\n", hint="Look at the list."))

    assert len(text) <= MOST
    assert (response.error or "").endswith("Error: release: not found\n")
    assert response.output.startswith("pod/web-0 ")
    assert response.hint == "Look at the list."


def test_short_error_beside_a_long_output_is_whole() -> None:
    assert shown(job(LINES, "Error: no\n"))[1].error == "Error: no\n"


def test_result_that_was_cut_before_says_where_all_of_it_is() -> None:
    assert "read_output" in (shown(job("half", truncated=True))[1].hint or "")


def test_changes_are_summed_up_before_the_hint() -> None:
    changes = told(*map(done, range(1, 51)), change(51))
    text, response = shown(job("done\n", hint="Look at the list.", changes=changes))

    assert response.hint == "Changes: 50 created, 1 on its way. Look at the list."
    assert "items" not in text


def test_changes_of_a_running_command_are_summed_up_before_what_to_do_next() -> None:
    running = job("").model_copy(update={"state": JobState.RUNNING, "response": None})
    result = results.of_job(running, JobText(changes=told(done(1), change(2))), most=MOST)

    assert result.structured_content is not None
    assert result.structured_content["hint"].startswith("Changes: 1 created, 1 on its way. Still running. Do not send")


@pytest.mark.parametrize("character", ["x", '"', "\\", "é", "\x01", "𝄞", "\ufffd"])
def test_line_without_an_end_is_cut_inside(character: str) -> None:
    text, response = shown(job(character * 50_000))

    assert len(text) <= MOST
    head, marker, tail = response.output.splitlines()
    assert head + tail == character * len(head + tail)
    assert f"{50_000 - len(head) - len(tail)} characters" in marker
    assert len(head) > len(tail) > 0


@given(st.text(), st.text(), st.integers(1, 5), st.integers(0, 3_000))
def test_no_text_exceeds_the_limit_or_loses_a_character_of_its_ends(
    line: str, ending: str, width: int, count: int
) -> None:
    text = f"{line * width}\n" * count + ending
    cut = excerpt.cut(text, 500, head_share=0.6)
    if cut is None:
        assert excerpt.cost(text) <= 500
        return
    assert excerpt.cost(cut.head) + excerpt.cost(cut.tail) <= 500
    assert text.startswith(cut.head)
    assert text.endswith(cut.tail)
    assert len(cut.head) + cut.left_out_characters + len(cut.tail) == len(text)
    assert cut.resume_offset <= len(cut.head.encode())
