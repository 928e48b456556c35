"""What a stage gets and what is told of its end."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from tests.integration.worker.launcher.test_launcher_support import (
    LIMITS,
    TIMEOUT_S,
    needs_linux,
    python,
    read_line,
    read_to_end,
    run_to_end,
    shell,
    spec_of,
    start,
    static_program,
)
from worker.launcher.channel import MessageTooLargeError
from worker.launcher.client import Launcher, Stage

LIBRARY_SIGNALS = 1 << 31 | 1 << 32
"""32 and 33 are the C library's own: no program can set them, and its posix_spawn (make uses it) leaves 32 ignored."""


@pytest.fixture
async def launcher(tmp_path: Path) -> AsyncIterator[Launcher]:
    started = await Launcher.start(tmp_path / "work")
    yield started
    await started.close()


@pytest.mark.parametrize("code", [0, 1, 42, 255])
async def test_exit_code_is_reported(launcher: Launcher, tmp_path: Path, code: int) -> None:
    ended = (await run_to_end(launcher, spec_of(shell(f"exit {code}"), tmp_path))).exit

    assert (ended.exit_code, ended.signal, ended.started, ended.error) == (code, None, True, None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
async def test_deadly_signal_is_reported(launcher: Launcher, tmp_path: Path, number: int) -> None:
    ended = (await run_to_end(launcher, spec_of(shell(f"kill -{number} $$"), tmp_path))).exit

    assert (ended.exit_code, ended.signal, ended.started) == (None, number, True)


async def test_environment_is_exactly_the_given_one(launcher: Launcher, tmp_path: Path) -> None:
    given = {"HOME": "/nowhere", "ODD": "a=b\nc ü \udcff"}
    spec = spec_of(["/usr/bin/env", "-0"], tmp_path, environment=given)

    output = os.fsencode((await run_to_end(launcher, replace(spec, environment=given | {"ODD": "ü=b\nc"}))).text)

    assert sorted(output.rstrip(b"\0").split(b"\0")) == [b"HOME=/nowhere", "ODD=ü=b\nc".encode()]


@needs_linux
async def test_signals_privileges_umask_and_session_are_clean(launcher: Launcher, tmp_path: Path) -> None:
    script = "umask; cut -d' ' -f6 /proc/$$/stat; echo $$; cat /proc/self/status"

    lines = (await run_to_end(launcher, spec_of(shell(script), tmp_path))).text.splitlines()

    status = dict(line.split(":\t", 1) for line in lines[3:])
    assert int(lines[0], 8) == 0o077
    assert lines[1] == lines[2], "leads its own session"
    masks = [int(status[name], 16) & ~LIBRARY_SIGNALS for name in ("SigBlk", "SigIgn", "SigCgt")]
    assert masks == [0, 0, 0]
    assert status["NoNewPrivs"] == "1"


async def test_only_the_given_descriptors_are_open(launcher: Launcher, tmp_path: Path) -> None:
    code = """
import os
for number in range(200):
    try: os.fstat(number)
    except OSError: continue
    print(number, end=" ")
"""
    output = await run_to_end(launcher, spec_of(python(code), tmp_path), inherited=[0, 0])

    assert output.text.split() == ["0", "1", "2", "3", "4"]


@needs_linux
async def test_memfd_is_read_by_its_fixed_number(launcher: Launcher, tmp_path: Path) -> None:
    secret = os.memfd_create("kubeconfig")
    os.write(secret, b"apiVersion: v1")

    output = await run_to_end(launcher, spec_of(["/bin/cat", "/proc/self/fd/3"], tmp_path), inherited=[secret])
    os.close(secret)

    assert output.text == "apiVersion: v1"


async def test_limits_hold_in_the_stage(launcher: Launcher, tmp_path: Path) -> None:
    kinds = "r.RLIMIT_FSIZE, r.RLIMIT_NOFILE, r.RLIMIT_CPU, r.RLIMIT_CORE"
    code = f"import resource as r; print([r.getrlimit(kind)[0] for kind in ({kinds})])"
    limits = replace(LIMITS, file_size_bytes=5000, open_files=77, cpu_s=33)

    output = await run_to_end(launcher, spec_of(python(code), tmp_path, limits=limits))

    assert json.loads(output.text) == [5000, 77, 33, 0]


@needs_linux
async def test_stage_goes_before_the_worker_when_memory_runs_out(launcher: Launcher, tmp_path: Path) -> None:
    output = await run_to_end(launcher, spec_of(["/bin/cat", "/proc/self/oom_score_adj"], tmp_path))

    assert output.text == "1000\n"


async def test_file_cannot_grow_beyond_its_limit(launcher: Launcher, tmp_path: Path) -> None:
    limits = replace(LIMITS, file_size_bytes=5000)
    script = "exec /bin/dd if=/dev/zero of=big bs=1000 count=9"

    ended = (await run_to_end(launcher, spec_of(shell(script), tmp_path, limits=limits))).exit

    assert ended.signal == signal.SIGXFSZ
    assert (tmp_path / "big").stat().st_size == 5000


async def test_cpu_limit_ends_a_busy_stage(launcher: Launcher, tmp_path: Path) -> None:
    limits = replace(LIMITS, cpu_s=1)

    ended = (await run_to_end(launcher, spec_of(python("while True: pass"), tmp_path, limits=limits))).exit

    assert ended.signal == signal.SIGXCPU


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"executable": "/no/such/program-hunter2"}, "exec: No such file or directory"),
        ({"executable": "/etc/passwd"}, "exec: Permission denied"),
        ({"working_directory": "/no/such/hunter2"}, "working directory: No such file or directory"),
        ({"environment": {"hunter2\0": "hunter2"}}, "exec: ValueError"),
    ],
    ids=["missing", "not-executable", "no-directory", "bad-environment"],
)
async def test_stage_that_cannot_start_is_reported_without_its_values(
    launcher: Launcher, tmp_path: Path, changes: dict[str, str], error: str
) -> None:
    spec = replace(spec_of(shell("exit 0"), tmp_path), **changes)  # type: ignore[arg-type] # a value per field

    ended = (await run_to_end(launcher, spec)).exit

    assert (ended.started, ended.exit_code, ended.error) == (False, 127, error)


async def test_grandchild_that_holds_stdout_ends_with_its_stage(launcher: Launcher, tmp_path: Path) -> None:
    output = await run_to_end(launcher, spec_of(shell("sleep 1000 & echo started; exit 3"), tmp_path))

    assert (output.text, output.exit.exit_code) == ("started\n", 3)


@needs_linux
async def test_daemon_that_left_its_session_ends_with_its_stage(launcher: Launcher, tmp_path: Path) -> None:
    code = """
import os, time
reading, writing = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(writing, b"x")
        time.sleep(1000)
    os._exit(0)
os.read(reading, 1)
print("left")
"""
    output = await run_to_end(launcher, spec_of(python(code), tmp_path))

    assert (output.text, output.exit.exit_code) == ("left\n", 0)


async def test_pipeline_of_two_stages(launcher: Launcher, tmp_path: Path) -> None:
    first_out, second_in = os.pipe()[::-1]
    result, second_out = os.pipe()
    nothing = os.open(os.devnull, os.O_RDWR)
    stages = [
        Stage(spec_of(shell("echo one; echo two; exit 4"), tmp_path), (nothing, first_out, os.dup(nothing))),
        Stage(spec_of(shell("tr a-z A-Z"), tmp_path), (second_in, second_out, os.dup(nothing))),
    ]

    run = await launcher.run(stages)
    text = await read_to_end(result)
    first, second = await run.wait()

    assert text == "ONE\nTWO\n"
    assert (first.exit_code, second.exit_code) == (4, 0)


async def test_signal_reaches_every_stage_of_its_run_and_no_other(launcher: Launcher, tmp_path: Path) -> None:
    waiting = spec_of(shell("sleep 1000 & wait"), tmp_path)
    nothing = os.open(os.devnull, os.O_RDWR)
    stages = [Stage(waiting, tuple(os.dup(nothing) for _ in range(3))) for _ in range(2)]
    os.close(nothing)
    other, other_output = await start(launcher, spec_of(shell("echo ready; read line"), tmp_path))
    run = await launcher.run(stages)

    run.signal(signal.SIGTERM)
    async with asyncio.timeout(TIMEOUT_S):
        exits = await run.wait()

    assert [ended.signal for ended in exits] == [signal.SIGTERM] * 2
    assert await read_to_end(other_output) == "ready\n"
    assert (await other.wait())[0].exit_code == 1
    run.signal(signal.SIGTERM)  # nobody left: nothing happens


async def test_signal_sent_at_once_is_not_lost(launcher: Launcher, tmp_path: Path) -> None:
    for _ in range(20):  # some of them before exec, some of them on children forked on demand
        run, output = await start(launcher, spec_of(shell("sleep 1000"), tmp_path))
        run.signal(signal.SIGTERM)
        await read_to_end(output)
        assert (await run.wait())[0].signal == signal.SIGTERM


async def test_descriptors_are_the_launchers_even_when_the_run_is_refused(launcher: Launcher, tmp_path: Path) -> None:
    spec = spec_of(shell("exit 0"), tmp_path, environment={"BIG": "x" * 20_000_000})
    descriptors = tuple(os.open(os.devnull, os.O_RDWR) for _ in range(3))

    with pytest.raises(MessageTooLargeError):
        await launcher.run([Stage(spec, descriptors)])

    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


async def test_run_that_is_cancelled_at_any_moment_leaves_nothing(launcher: Launcher, tmp_path: Path) -> None:
    spec = spec_of(shell("sleep 1000"), tmp_path)
    outputs = []
    async with asyncio.TaskGroup() as group:
        for turns in range(1, 40):  # most find no spare: the cancel comes before, with or after their fork
            reading, writing = os.pipe()
            nothing = os.open(os.devnull, os.O_RDONLY)
            task = group.create_task(launcher.run([Stage(spec, (nothing, writing, os.dup(writing)))]))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            outputs.append((task, reading))

    for task, output in outputs:
        if not task.cancelled():  # it had a process already, and its caller has the run
            task.result().signal(signal.SIGKILL)
        assert await read_to_end(output) == ""
    assert (await run_to_end(launcher, spec_of(shell("exit 5"), tmp_path))).exit.exit_code == 5


async def test_run_cancelled_while_it_waits_for_a_child_starts_nothing(launcher: Launcher, tmp_path: Path) -> None:
    spec = spec_of(shell("echo > ran; sleep 1000"), tmp_path)
    os.kill(launcher.pid, signal.SIGSTOP)  # no new child can come: after the spares, runs wait
    runs = [await start(launcher, spec_of(shell("exit 0"), tmp_path)) for _ in range(2)]
    reading, writing = os.pipe()
    nothing = os.open(os.devnull, os.O_RDONLY)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await launcher.run([Stage(spec, (nothing, writing, os.dup(writing)))])
    os.kill(launcher.pid, signal.SIGCONT)

    assert await read_to_end(reading) == ""
    for run, output in runs:
        await read_to_end(output)
        assert (await run.wait())[0].exit_code == 0
    assert not (tmp_path / "ran").exists()


async def test_fifty_runs_at_once(launcher: Launcher, tmp_path: Path) -> None:
    specs = [spec_of(shell(f"echo {number}; exit {number}"), tmp_path) for number in range(50)]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run_to_end(launcher, spec)) for spec in specs]

    results = [task.result() for task in tasks]
    assert [(result.text, result.exit.exit_code) for result in results] == [(f"{n}\n", n) for n in range(50)]


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_works_in_either_event_loop(tmp_path: Path, loop_factory: object) -> None:
    program = static_program(tmp_path)

    async def main() -> int | None:
        launcher = await Launcher.start(tmp_path / "work")
        output = await run_to_end(launcher, spec_of([str(program)], tmp_path))
        await launcher.close()
        return output.exit.exit_code

    with asyncio.Runner(loop_factory=loop_factory) as runner:  # type: ignore[arg-type] # uvloop's own type
        assert runner.run(main()) == 0


async def test_output_arrives_while_the_stage_runs(launcher: Launcher, tmp_path: Path) -> None:
    run, output = await start(launcher, spec_of(shell("echo early; sleep 1000"), tmp_path))

    assert await read_line(output) == "early"
    run.signal(signal.SIGKILL)
    assert await read_to_end(output) == ""
    assert (await run.wait())[0].signal == signal.SIGKILL
