"""Commands whose processes use much memory, judged by a real launcher's processes."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.worker.launcher.test_launcher_support import (
    LIMITS,
    PYTHON,
    needs_linux,
    python,
    run_to_end,
    shell,
    spec_of,
    start,
)
from tests.support.waiting import wait_until
from worker.job_control import JobControl, StopKind
from worker.launcher.client import Launcher, Run
from worker.run import memory_watch

pytestmark = needs_linux

MEGABYTE = 1024 * 1024
LIMIT_BYTES = 100 * MEGABYTE
TAKE = "import signal; taken = bytearray({}); signal.pause()"
MUCH, LITTLE = TAKE.format(150 * MEGABYTE), TAKE.format(10 * MEGABYTE)
HALF = TAKE.format(60 * MEGABYTE)


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_watch, "INTERVAL_S", 0.01)


@pytest.fixture
async def launcher(tmp_path: Path) -> AsyncIterator[Launcher]:
    started = await Launcher.start(tmp_path / "work")
    yield started
    await started.close()


async def stopped_by(launcher: Launcher, directory: Path, *commands: Sequence[str]) -> JobControl:
    """Watches the commands, as the stages of one run, until they were stopped."""
    control = JobControl()
    runs = [await started(launcher, directory, command) for command in commands]
    async with memory_watch.watching(
        lambda: [group for run in runs for group in run.living_groups], LIMIT_BYTES, control
    ):
        await asyncio.wait({control.stopped})
    for run in runs:
        await ended(run)
    return control


async def started(launcher: Launcher, directory: Path, command: Sequence[str]) -> Run:
    run, output = await start(launcher, spec_of(command, directory))
    os.close(output)
    return run


async def ended(run: Run) -> None:
    run.signal(signal.SIGKILL)
    await run.wait()


async def test_command_that_uses_too_much_memory_is_stopped(launcher: Launcher, tmp_path: Path) -> None:
    control = await stopped_by(launcher, tmp_path, python(MUCH))

    assert control.stop is not None
    assert control.stop.kind is StopKind.FAILED
    assert control.stop.reason == f"the command was ended because it used more than {LIMIT_BYTES} bytes of memory"
    assert memory_watch.is_reason(control.stop.reason)


async def test_stages_of_a_command_count_together(launcher: Launcher, tmp_path: Path) -> None:
    assert (await stopped_by(launcher, tmp_path, python(HALF), python(HALF))).stop is not None


async def test_memory_of_children_counts(launcher: Launcher, tmp_path: Path) -> None:
    assert (await stopped_by(launcher, tmp_path, shell(f'{PYTHON} -I -S -c "{MUCH}"; exit 1'))).stop is not None


async def test_command_below_the_limit_goes_on(
    launcher: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    used_bytes = memory_watch.used_bytes

    def counted(process: int) -> int:
        looks.append(used_bytes(process))
        return looks[-1]

    monkeypatch.setattr(memory_watch, "used_bytes", counted)
    control = JobControl()
    run = await started(launcher, tmp_path, python(LITTLE))
    async with memory_watch.watching(lambda: run.living_groups, LIMIT_BYTES, control):
        await wait_until(lambda: any(used > 10 * MEGABYTE for used in looks))
    await ended(run)

    assert control.stop is None


def test_process_that_has_ended_uses_nothing() -> None:
    assert memory_watch.used_bytes(2**22 + 1) == 0, "no system gives this number"


async def test_address_space_beyond_the_limit_is_refused(launcher: Launcher, tmp_path: Path) -> None:
    command = python(f"bytearray({600 * MEGABYTE})")
    held = replace(LIMITS, address_space_bytes=500 * MEGABYTE)

    refused = (await run_to_end(launcher, spec_of(command, tmp_path, limits=held))).exit
    taken = (await run_to_end(launcher, spec_of(command, tmp_path))).exit

    assert (refused.exit_code, taken.exit_code) == (1, 0)
