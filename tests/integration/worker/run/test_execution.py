"""One command from its start to its end, with a real launcher."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared.events import EventKind
from tests.integration.worker.launcher.test_launcher_support import needs_linux, shell, spec_of
from tests.support.waiting import wait_until
from worker.job_control import JobControl
from worker.launcher.client import Launcher, LauncherGoneError
from worker.run.command_plan import CommandPlan
from worker.run.execution import Cause, Execution, Sink, execute

LONG_S = 30.0
"""Longer than a test may run: it ends sooner, or it fails."""
AT_ONCE_S = 0.05


@dataclass
class Command:
    """A shell script that runs, and what it has printed so far."""

    launcher: Launcher
    directory: Path
    control: JobControl = field(default_factory=JobControl)
    printed: dict[EventKind, bytes] = field(default_factory=lambda: dict.fromkeys(EventKind, b""))

    @property
    def stdout(self) -> str:
        return self.printed[EventKind.STDOUT].decode()

    def sink(self, kind: EventKind, data: bytes) -> None:
        self.printed[kind] += data

    def start(
        self, script: str, *, time_limit_s: float = LONG_S, kill_grace_s: float = LONG_S, sink: Sink | None = None
    ) -> "asyncio.Task[Execution]":
        plan = CommandPlan(spec_of(shell(script), self.directory), os.open(os.devnull, os.O_RDONLY), ())
        running = execute(
            plan,
            launcher=self.launcher,
            control=self.control,
            sink=sink or self.sink,
            time_limit_s=time_limit_s,
            kill_grace_s=kill_grace_s,
        )
        return asyncio.create_task(running, name="execute")

    async def prints(self, text: str) -> None:
        await wait_until(lambda: text in self.stdout, timeout_s=60)


@pytest.fixture
async def launcher(tmp_path: Path) -> AsyncIterator[Launcher]:
    (tmp_path / "work").mkdir()
    started = await Launcher.start(tmp_path / "work")
    yield started
    await started.close()


@pytest.fixture
def command(launcher: Launcher, tmp_path: Path) -> Command:
    return Command(launcher, tmp_path)


async def test_both_streams_and_the_exit_code_arrive(command: Command) -> None:
    execution = await command.start("echo out; echo err >&2; exit 7")

    assert (execution.exit.exit_code, execution.cause) == (7, Cause.ITSELF)
    assert command.printed[EventKind.STDOUT] == b"out\n"
    assert command.printed[EventKind.STDERR] == b"err\n"
    assert execution.duration_ms >= 0


async def test_large_output_arrives_whole(command: Command) -> None:
    await command.start("head -c 1000000 /dev/zero")

    assert len(command.printed[EventKind.STDOUT]) == 1_000_000


async def test_command_is_terminated_when_its_time_is_over(command: Command) -> None:
    execution = await command.start("echo on; exec sleep 1000", time_limit_s=AT_ONCE_S)

    assert (execution.exit.signal, execution.cause) == (signal.SIGTERM, Cause.TIME_LIMIT)


async def test_command_that_ignores_the_signal_is_killed_after_the_grace(command: Command) -> None:
    running = command.start("trap '' TERM; echo deaf; sleep 1000; sleep 1000", kill_grace_s=AT_ONCE_S)
    await command.prints("deaf")

    command.control.cancel("asked")

    assert (await running).exit.signal == signal.SIGKILL
    assert running.result().cause is Cause.STOP


async def test_stopped_command_may_end_in_its_own_way(command: Command) -> None:
    running = command.start("trap 'echo cleaned; exit 3' TERM; echo ready; sleep 1000 & wait")
    await command.prints("ready")

    command.control.cancel("asked")

    assert (await running).exit.exit_code == 3
    assert running.result().cause is Cause.STOP
    assert command.stdout == "ready\ncleaned\n"


async def test_command_of_a_lost_lease_is_killed_without_grace(command: Command) -> None:
    running = command.start("trap 'echo cleaned' TERM; echo ready; sleep 1000 & wait; sleep 1000")
    await command.prints("ready")

    command.control.lose()

    assert (await running).exit.signal == signal.SIGKILL
    assert command.stdout == "ready\n"


async def test_command_that_was_stopped_before_its_start_does_not_go_on(command: Command) -> None:
    command.control.cancel("asked")

    execution = await command.start("exec sleep 1000")

    assert execution.cause is Cause.STOP
    assert execution.exit.exit_code is None


async def test_stop_after_the_end_changes_nothing(command: Command) -> None:
    execution = await command.start("exit 0")

    command.control.cancel("asked")

    assert (execution.exit.exit_code, execution.cause) == (0, Cause.ITSELF)


async def test_descendant_that_keeps_the_output_open_dies_with_the_command(command: Command) -> None:
    await command.start("sleep 1000 & echo $!")

    await wait_until(lambda: not Path(f"/proc/{command.stdout.strip()}").exists())


@needs_linux
async def test_no_descriptor_stays_open(command: Command) -> None:
    await command.start("exit 0")
    before = _open_descriptors()
    for _ in range(20):
        await command.start("echo x; exit 1")

    assert _open_descriptors() < before + 10, "spare children come and go, and have one each"


@needs_linux
@pytest.mark.parametrize("when", ["before the start", "while it runs"])
async def test_death_of_the_launcher_is_told_and_leaks_nothing(command: Command, when: str) -> None:
    before = _open_descriptors()
    if when == "before the start":
        await _kill(command.launcher)
        running = command.start("exit 0")
    else:
        running = command.start("echo on; exec sleep 1000")
        await command.prints("on")
        await _kill(command.launcher)

    with pytest.raises(LauncherGoneError):
        await running
    assert _open_descriptors() <= before


async def test_output_that_cannot_be_recorded_is_no_silent_loss(command: Command) -> None:
    def refuse(_: EventKind, __: bytes) -> None:
        raise RuntimeError("full")

    with pytest.raises(RuntimeError, match="full"):
        await command.start("echo x", sink=refuse)


async def test_cancelled_execution_leaves_no_process(command: Command) -> None:
    running = command.start("echo $$; exec sleep 1000")
    await command.prints("\n")

    running.cancel()
    await asyncio.wait({running})

    await wait_until(lambda: not Path(f"/proc/{command.stdout.strip()}").exists())


def _open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def _kill(launcher: Launcher) -> None:
    os.kill(launcher.pid, signal.SIGKILL)
    await launcher.gone.wait()
