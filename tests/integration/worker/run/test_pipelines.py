"""Pipelines from start to end: data, failures, stops, and that nothing is left behind."""

import asyncio
import os
import resource
import signal
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.worker.launcher.test_launcher_support import LIMITS, needs_linux
from tests.integration.worker.piped import TOOL, Piped, processes_with, running
from tests.support.waiting import wait_until
from worker.launcher.client import Launcher, LauncherGoneError
from worker.run.execution import Cause

AT_ONCE_S = 0.05
MANY = "exec seq 1000000"
"""More than a pipe holds."""


@pytest.fixture
async def piped(tmp_path: Path) -> AsyncIterator[Piped]:
    async with running(tmp_path, {"words": "a\nb\n"}) as found:
        yield found


@pytest.fixture
def mark() -> str:
    """A word that no other process has in its command line."""
    return f"m{uuid.uuid4().hex}"


async def test_json_is_selected_sorted_and_cut(piped: Piped) -> None:
    script = """printf '{"items": [{"name": "web-2"}, {"name": "db-0"}, {"name": "web-1"}]}'"""

    printed = await piped.run(script, "jq -r '.items[].name' | sort | head -2")

    assert (printed.exit_code, printed.stdout, printed.stderr) == (0, "db-0\nweb-1\n", "")


@pytest.mark.parametrize(
    ("behind", "output"),
    [
        ("sort -r", "c\nb\nb\na\n"),
        ("sort | uniq -c | sort -k1,1nr | head -1 | tr -s ' '", " 2 b\n"),
        ("grep -n b | sed 's/:/=/' | tail -1", "4=b\n"),
        ("awk '{print NR\":\"$1}' | cut -d: -f2 | wc -l", "4\n"),
        ("awk '{print $1, NR}' | column -t", "b  1\na  2\nc  3\nb  4\n"),
        ("grep -c -f words", "3\n"),
        ("sort - words | uniq | tr -d '\\n'", "abc"),
    ],
)
async def test_filters_do_what_they_do_in_a_shell(piped: Piped, behind: str, output: str) -> None:
    printed = await piped.run("printf 'b\\na\\nc\\nb\\n'", behind)

    assert (printed.exit_code, printed.stdout, printed.stderr) == (0, output, "")


async def test_characters_beyond_ascii_are_one_each(piped: Piped) -> None:
    assert (await piped.run("printf 'größe'", "grep -o . | wc -l")).stdout == "5\n"


async def test_much_data_passes_eight_stages_unchanged(piped: Piped) -> None:
    behind = " | ".join(["tr x y", "tr y z", *["grep -a ."] * 4, "wc -c"])

    assert (await piped.run("yes x | head -n 1000000", behind)).stdout == "2000000\n"


async def test_first_failed_stage_from_the_left_decides(piped: Piped) -> None:
    printed = await piped.run("echo a; exit 4", "grep b | sort")

    assert (printed.exit_code, printed.execution.stage, printed.execution.cause) == (4, TOOL, Cause.ITSELF)


async def test_failed_filter_decides_and_what_came_out_is_kept(piped: Piped) -> None:
    printed = await piped.run("echo a", "grep b | wc -l")

    assert (printed.exit_code, printed.execution.stage, printed.stdout) == (1, "grep", "0\n")


@pytest.mark.parametrize("behind", ["head -1", "grep 1 | head -1", "sort | sed 1q", "grep -m1 1 | cat=1", "sed q"])
async def test_stage_that_is_not_read_to_its_end_has_not_failed(piped: Piped, behind: str) -> None:
    printed = await piped.run(MANY, behind.replace("cat=1", "tail -1"))

    assert (printed.exit_code, printed.stdout) == (0, "1\n")


async def test_failure_of_the_stage_that_stopped_reading_decides(piped: Piped) -> None:
    printed = await piped.run(MANY, "grep 1 | sed --no-such-option | wc -l")

    assert (printed.execution.stage, printed.stdout) == ("sed", "0\n")
    assert printed.exit_code not in (0, None)


async def test_command_that_must_finish_has_failed_when_it_was_cut_off(piped: Piped) -> None:
    cut_off = await piped.run(MANY, "head -1", must_finish=True)
    finished = await piped.run("echo 1; echo 2", "head -1", must_finish=True)
    (piped.directory.work / "more").write_text("2\n" * 1_000_000)
    filter_cut_off = await piped.run("echo 1", "sort more - | head -1", must_finish=True)

    assert (cut_off.execution.exit.signal, cut_off.execution.stage) == (signal.SIGPIPE, TOOL)
    assert (finished.exit_code, filter_cut_off.exit_code) == (0, 0)


DOOR = {b"door": b"server"}
"""A text that a command prints and nobody sees, and what is seen in its place."""


async def test_filter_reads_what_callers_see(piped: Piped) -> None:
    printed = await piped.run("printf do; printf 'or:1\\n'; echo the door >&2", "grep -c server", replaced=DOOR)

    assert (printed.exit_code, printed.stdout, printed.stderr) == (0, "1\n", "[tool] the server\n")


async def test_much_replaced_data_passes_unchanged_otherwise(piped: Piped) -> None:
    printed = await piped.run("yes door | head -n 500000", "sort -u | wc -c", replaced=DOOR)

    assert printed.stdout == "7\n"


@pytest.mark.parametrize("behind", ["head -1", "sed q", "grep -m1 1"])
async def test_replaced_output_that_is_not_read_to_its_end_is_no_failure(piped: Piped, behind: str) -> None:
    printed = await piped.run(MANY, behind, replaced=DOOR)

    assert (printed.exit_code, printed.stdout) == (0, "1\n")
    without_end = behind.replace("1", "y") if "grep" in behind else behind
    cut_off = await piped.run("exec yes", without_end, must_finish=True, replaced=DOOR)
    assert (cut_off.execution.exit.signal, cut_off.execution.stage) == (signal.SIGPIPE, TOOL)


async def test_stop_ends_a_pipeline_whose_output_is_replaced(piped: Piped) -> None:
    running = piped.start("echo door; exec sleep 1000", "grep --line-buffered e", replaced=DOOR)
    await piped.prints("server")
    piped.control.lose()
    assert (await running).cause is Cause.STOP


async def test_each_line_of_standard_error_names_its_stage(piped: Piped) -> None:
    printed = await piped.run("echo one >&2; printf two >&2; exit 3", "grep --no-such-option | head -1")
    lines = printed.stderr.splitlines()

    assert [line for line in lines if line.startswith("[tool] ")] == ["[tool] one", "[tool] two"]
    assert any(line.startswith("[grep] ") for line in lines)
    assert all(line.startswith(("[tool] ", "[grep] ")) for line in lines)


async def test_filter_that_cannot_start_is_told(piped: Piped) -> None:
    grep = piped.binaries["grep"]
    printed = await piped.with_filter(replace(grep, path=Path("/no/such/grep"))).run("echo a", "grep a | wc -l")

    assert (printed.execution.exit.started, printed.execution.stage) == (False, "grep")
    assert f"{printed.execution.exit.error}".startswith("exec: ")


@needs_linux
async def test_cancelled_pipeline_leaves_no_process(piped: Piped, mark: str) -> None:
    running = piped.start("echo on; exec sleep 1000", f"grep -e {mark} -e on --line-buffered | sed -u s/{mark}//")
    await piped.prints("on")
    assert len(processes_with(mark)) == 2

    piped.control.cancel("asked")

    assert ((await running).cause, (await running).exit.signal) == (Cause.STOP, signal.SIGTERM)
    assert processes_with(mark) == []


@needs_linux
async def test_execution_that_is_cancelled_leaves_no_process(piped: Piped, mark: str) -> None:
    running = piped.start("echo on; exec sleep 1000", f"grep -e {mark} -e on --line-buffered")
    await piped.prints("on")

    running.cancel()
    await asyncio.wait({running})

    await wait_until(lambda: processes_with(mark) == [])


@needs_linux
async def test_pipeline_of_a_lost_lease_is_killed_at_once(piped: Piped, mark: str) -> None:
    running = piped.start("trap '' TERM; echo on; sleep 1000; sleep 1000", f"grep -e {mark} -e on --line-buffered")
    await piped.prints("on")

    piped.control.lose()

    assert (await running).exit.signal == signal.SIGKILL
    assert processes_with(mark) == []


@needs_linux
async def test_time_limit_ends_every_stage(piped: Piped, mark: str) -> None:
    execution = await piped.start("exec sleep 1000", f"grep {mark} | sort", time_limit_s=AT_ONCE_S)

    assert (execution.cause, execution.stage, execution.exit.signal) == (Cause.TIME_LIMIT, TOOL, signal.SIGTERM)
    assert processes_with(mark) == []


async def test_watch_that_its_time_limit_ends_is_judged_by_its_filters(piped: Piped) -> None:
    endless = {"time_limit_s": 2, "is_endless": True}

    ended = await piped.run("echo b; echo a; exec sleep 1000", "sort", **endless)
    failed = await piped.run("echo b; exec sleep 1000", "grep a | wc -l", **endless)

    assert (ended.execution.cause, ended.exit_code, ended.stdout) == (Cause.TIME_LIMIT, 0, "a\nb\n")
    assert (failed.execution.stage, failed.exit_code, failed.stdout) == ("grep", 1, "0\n")


async def test_filter_that_does_not_end_is_ended_too(piped: Piped) -> None:
    running = piped.start("echo on", "awk '{print; fflush(); while (1) {}}'")
    await piped.prints("on")
    await wait_until(lambda: len(piped.launcher._runs) == 1)  # the tool's end is known: the signal is not for it

    piped.control.cancel("asked")

    assert ((await running).stage, (await running).exit.signal) == ("awk", signal.SIGTERM)


async def test_filter_that_outlives_the_tool_is_killed_after_the_grace(piped: Piped) -> None:
    running = piped.start(
        "exec sleep 1000", """awk 'BEGIN{print "on"; fflush(); while (1) {}}' | sed -u p""", kill_grace_s=AT_ONCE_S
    )
    await piped.prints("on")

    piped.control.cancel("asked")

    assert ((await running).stage, (await running).cause) == (TOOL, Cause.STOP)


async def test_last_words_of_a_stopped_tool_pass_the_filters(piped: Piped) -> None:
    running = piped.start("trap 'echo cleaned; exit 3' TERM; echo ready; sleep 1000 & wait", "sed -u 's/^/> /'")
    await piped.prints("ready")

    piped.control.cancel("asked")

    assert ((await running).stage, (await running).exit.exit_code) == (TOOL, 3)
    assert piped.stdout == "> ready\n> cleaned\n"


async def test_limits_hold_in_every_stage(piped: Piped) -> None:
    limits = replace(LIMITS, cpu_s=1, file_size_bytes=100_000)

    busy = await piped.run("echo on", "awk '{while (1) {}}'", limits=limits)
    big = await piped.run(MANY, "sort -S 1M | tail -1", limits=limits)

    assert (busy.execution.stage, busy.execution.exit.signal) == ("awk", signal.SIGXCPU)
    assert (big.execution.stage, big.execution.exit.signal) == ("sort", signal.SIGXFSZ)


@needs_linux
async def test_no_descriptor_stays_open(piped: Piped) -> None:
    await piped.run("exit 0", "head -1 | wc -l")
    before = _open_descriptors()
    for _ in range(20):
        await piped.run("seq 100000", "head -1 | grep 2 | wc -l")

    assert _open_descriptors() < before + 10, "spare children come and go, and have one each"


@needs_linux
@pytest.mark.parametrize("when", ["before the start", "while it runs"])
async def test_death_of_the_launcher_is_told_and_leaks_nothing(piped: Piped, when: str) -> None:
    before = _open_descriptors()
    if when == "before the start":
        await _kill(piped.launcher)
        running = piped.start("exit 0", "head -1 | wc -l")
    else:
        running = piped.start("echo on; exec sleep 1000", "grep --line-buffered on | sed -u p")
        await piped.prints("on")
        await _kill(piped.launcher)

    with pytest.raises(LauncherGoneError):
        await running
    assert _open_descriptors() <= before


@needs_linux
async def test_pipeline_that_gets_no_descriptors_closes_what_it_opened(piped: Piped) -> None:
    before = _open_descriptors()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    next_free = os.dup(0)
    os.close(next_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_free + 6, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            await piped.start("exit 0", "head -1 | wc -l")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert _open_descriptors() == before


def _open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def _kill(launcher: Launcher) -> None:
    os.kill(launcher.pid, signal.SIGKILL)
    await launcher.gone.wait()
