"""Masked output on its way through real processes: held, masked, and only then read by a filter."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.command.masking import Masking
from shared.events import EventKind
from tests.integration.worker.piped import Piped, running
from tests.support.waiting import wait_until
from worker.output.masking import held_output

RELEASE = '{"name": "web", "config": {"password": "hunter2"}}'
MARK = "[masked, 7 bytes]"
PRINT = f"printf '%s' '{RELEASE}'"


@pytest.fixture
async def piped(tmp_path: Path) -> AsyncIterator[Piped]:
    async with running(tmp_path, {}) as found:
        yield found


async def test_filter_reads_what_is_masked(piped: Piped) -> None:
    printed = await piped.run(PRINT, "grep -o '\"password\".*'", masking=Masking.RELEASE_OBJECT)

    assert (printed.exit_code, printed.stdout) == (0, f'"password":"{MARK}"}}}}\n')
    assert printed.execution.withheld is None


async def test_filter_reads_nothing_of_what_cannot_be_read(piped: Piped) -> None:
    printed = await piped.run(f"{PRINT} | head -c 40", "wc -c | tr -d ' '", masking=Masking.RELEASE_OBJECT)

    assert printed.stdout == "0\n"
    assert "not complete JSON" in (printed.execution.withheld or "")


async def test_too_much_is_read_to_its_end_and_withheld(piped: Piped) -> None:
    script = f"head -c {held_output.MOST_BYTES + 1} /dev/zero; echo done >&2"

    printed = await piped.run(script, "wc -c | tr -d ' '", masking=Masking.RELEASE_OBJECT)

    assert (printed.stdout, printed.stderr) == ("0\n", "[tool] done\n")
    assert "more than" in (printed.execution.withheld or "")


async def test_filter_that_reads_no_further_fails_nothing(piped: Piped) -> None:
    """What the tool has printed is more than a pipe holds, and a write is not ended by a filter."""
    script = "seq -f 'a%g: 1' 20000"

    printed = await piped.run(script, "head -1", masking=Masking.RELEASE_OBJECT, must_finish=True)

    assert (printed.exit_code, printed.stdout) == (0, "a1: 1\n")


async def test_command_that_is_stopped_passes_on_what_it_printed_masked(piped: Piped) -> None:
    running = piped.start(f"{PRINT}; echo ready >&2; exec sleep 1000", "grep name", masking=Masking.RELEASE_OBJECT)
    await wait_until(lambda: b"ready" in piped.printed[EventKind.STDERR], timeout_s=60)

    piped.control.cancel("asked")

    await running
    assert MARK in piped.stdout
    assert "hunter2" not in piped.stdout


async def test_output_is_passed_on_as_it_comes_where_only_messages_are_masked(piped: Piped) -> None:
    running = piped.start("echo first; exec sleep 1000", "head -1", masking=Masking.MESSAGES)
    await wait_until(lambda: piped.stdout == "first\n", timeout_s=60)

    piped.control.cancel("asked")

    await running


async def test_error_that_quotes_a_secret_is_masked_behind_its_label(piped: Piped) -> None:
    script = "echo 'Secret: Invalid value: \"hunter2\": wrong' >&2; printf last >&2"

    printed = await piped.run(script, "head", masking=Masking.MESSAGES)

    assert printed.stderr == '[tool] Secret: Invalid value: "[masked, 7 bytes]": wrong\n[tool] last\n'
