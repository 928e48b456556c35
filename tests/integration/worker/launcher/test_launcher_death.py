"""If the launcher or the worker dies, no process that it started survives."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.worker.launcher.test_launcher_support import (
    TIMEOUT_S,
    needs_linux,
    read_line,
    read_to_end,
    run_to_end,
    shell,
    spec_of,
    start,
)
from worker.launcher.client import Launcher, LauncherGoneError

# A worker in small: its children hold `stdout`, its launcher `stderr`.
WORKER = """
import asyncio, os, sys
from pathlib import Path
from worker.launcher.client import Launcher, Stage
from worker.launcher.protocol import Limits, StageSpec

async def main():
    launcher = await Launcher.start(Path(sys.argv[1]))
    spec = StageSpec("/bin/sh", ("sh", "-c", "sleep 1000 & echo started; wait"), {}, "/", None, Limits(99, 99, 99))
    run = await launcher.run([Stage(spec, (os.open(os.devnull, os.O_RDONLY), os.dup(1), os.dup(1)))])
    await run.wait()

asyncio.run(main())
"""


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    (tmp_path / "work").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tmp_path / "work")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": os.getcwd(), "SECRET": "hunter2"},
    )
    with process:
        yield process
        process.kill()


async def test_killed_worker_takes_its_commands_and_its_work_directory_with_it(
    worker: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    assert worker.stdout is not None
    assert worker.stderr is not None
    assert await read_line(worker.stdout.fileno()) == "started"

    worker.kill()

    assert await read_to_end(os.dup(worker.stdout.fileno())) == "", "child and grandchild are gone"
    assert await read_to_end(os.dup(worker.stderr.fileno())) == "", "the launcher is gone"
    assert not (tmp_path / "work").exists()


async def test_killed_launcher_takes_its_commands_with_it(tmp_path: Path) -> None:
    launcher = await Launcher.start(tmp_path / "work")
    run, output = await start(launcher, spec_of(shell("sleep 1000 & echo started; wait"), tmp_path))
    assert await read_line(output) == "started"

    os.kill(launcher.pid, signal.SIGKILL)

    async with asyncio.timeout(TIMEOUT_S):
        with pytest.raises(LauncherGoneError):
            await run.wait()
        await launcher.gone.wait()
    assert await read_to_end(output) == ""
    with pytest.raises(LauncherGoneError):
        await start(launcher, spec_of(shell("exit 0"), tmp_path))
    await launcher.close()


async def test_launcher_that_dies_while_a_run_waits_for_a_child_is_told(tmp_path: Path) -> None:
    launcher = await Launcher.start(tmp_path / "work", spare_count=1)
    os.kill(launcher.pid, signal.SIGSTOP)
    spec = spec_of(shell("sleep 1000"), tmp_path)
    _, first_output = await start(launcher, spec)

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(_error_of_start(launcher, tmp_path))
        await asyncio.sleep(0)
        os.kill(launcher.pid, signal.SIGKILL)

    assert isinstance(waiting.result(), LauncherGoneError)
    assert await read_to_end(first_output) == ""
    await launcher.close()


async def _error_of_start(launcher: Launcher, directory: Path) -> Exception | None:
    try:
        await start(launcher, spec_of(shell("exit 0"), directory))
    except LauncherGoneError as error:
        return error
    return None


async def test_close_ends_what_runs_and_removes_the_work_directory(tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "job").mkdir(parents=True)
    launcher = await Launcher.start(work)
    run, output = await start(launcher, spec_of(shell("sleep 1000 & echo started; wait"), work / "job"))
    assert await read_line(output) == "started"

    async with asyncio.timeout(TIMEOUT_S):
        await launcher.close()

    assert await read_to_end(output) == ""
    assert not work.exists()
    with pytest.raises(LauncherGoneError):
        await run.wait()
    await launcher.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_launcher_leaves_the_end_to_the_worker(tmp_path: Path, number: int) -> None:
    launcher = await Launcher.start(tmp_path / "work")

    os.kill(launcher.pid, number)

    assert (await run_to_end(launcher, spec_of(shell("exit 6"), tmp_path))).exit.exit_code == 6
    await launcher.close()


@needs_linux
async def test_killed_spares_are_replaced(tmp_path: Path) -> None:
    launcher = await Launcher.start(tmp_path / "work")
    _kill_children(launcher.pid)

    # The first two may meet a spare that is about to die; what they are told is then the truth.
    exits = [(await run_to_end(launcher, spec_of(shell("exit 7"), tmp_path))).exit for _ in range(4)]
    await launcher.close()

    assert [ended.exit_code for ended in exits[2:]] == [7, 7]
    assert {ended.signal for ended in exits[:2]} <= {None, signal.SIGKILL}


def _kill_children(pid: int) -> None:
    listing = Path(f"/proc/{pid}/task/{pid}/children")
    for child in listing.read_text().split():
        os.kill(int(child), signal.SIGKILL)


@needs_linux
async def test_launcher_has_neither_the_workers_environment_nor_its_descriptors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    inheritable, other = os.pipe()
    os.set_inheritable(inheritable, True)
    launcher = await Launcher.start(tmp_path / "work")
    process = Path(f"/proc/{launcher.pid}")

    try:
        assert b"hunter2" not in (process / "environ").read_bytes()
        targets = [os.readlink(link) for link in (process / "fd").iterdir()]
    except PermissionError:
        targets = []  # not root: what is not dumpable is closed to everybody, which is the stronger promise
    assert f"pipe:[{os.fstat(inheritable).st_ino}]" not in targets
    os.close(inheritable)
    os.close(other)
    await launcher.close()


async def test_start_tells_when_there_is_no_launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")

    async with asyncio.timeout(TIMEOUT_S):
        with pytest.raises(LauncherGoneError):
            await Launcher.start(tmp_path / "work")


async def test_stage_that_ignores_every_signal_dies_with_the_launcher(tmp_path: Path) -> None:
    deaf = shell("trap '' TERM; echo deaf; sleep 1000; sleep 1000")
    launcher = await Launcher.start(tmp_path / "work")
    run, output = await start(launcher, spec_of(deaf, tmp_path))
    assert await read_line(output) == "deaf"
    run.signal(signal.SIGTERM)

    os.kill(launcher.pid, signal.SIGKILL)

    assert await read_to_end(output) == ""
    await launcher.close()
