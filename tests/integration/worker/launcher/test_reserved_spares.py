"""Spares that wait with a directory, pipes and rules of their tool, and run one command of that tool."""

import asyncio
import contextlib
import os
import signal
import stat
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.worker.launcher.test_launcher_support import (
    LIBRARIES,
    PYTHON,
    TIMEOUT_S,
    Output,
    needs_landlock,
    needs_linux,
    needs_seccomp,
    python,
    read_line,
    read_to_end,
    run_to_end,
    shell,
    spec_of,
    static_program,
)
from tests.support.waiting import wait_until
from worker.launcher import client
from worker.launcher.client import Launcher, LauncherGoneError, Reservation, Stage
from worker.launcher.protocol import WORK, Outfit, SandboxRules, StageSpec
from worker.launcher.run import Run

TOOL = "tool"


@pytest.fixture
async def launcher(tmp_path: Path) -> AsyncIterator[Launcher]:
    (tmp_path / "work").mkdir()
    started = await Launcher.start(tmp_path / "work")
    yield started
    await started.close()


def equip(launcher: Launcher, tmp_path: Path, sandbox: SandboxRules | None = None) -> None:
    launcher.equip({TOOL: Outfit(str(tmp_path / "work"), sandbox)})


async def reserved(launcher: Launcher) -> Reservation:
    async with asyncio.timeout(TIMEOUT_S):
        reservation = await launcher.reserve(TOOL)
    assert reservation is not None
    return reservation


async def begin(
    launcher: Launcher, reservation: Reservation, spec: StageSpec, inherited: Sequence[int] = ()
) -> tuple[Run, int]:
    """The run, and the reading end of its stdout. Its stderr must be empty: it is closed."""
    output, error = reservation.outputs()
    os.close(error)
    own = (None, None, None, *(os.dup(descriptor) for descriptor in inherited))
    async with asyncio.timeout(TIMEOUT_S):
        return await launcher.run([Stage(spec, own)], first=reservation), output


async def run_reserved(launcher: Launcher, spec: StageSpec, inherited: Sequence[int] = ()) -> Output:
    """Runs the spec in the directory of a fresh spare."""
    reservation = await reserved(launcher)
    root = reservation.directory
    own = replace(spec, working_directory=str(root / WORK))
    if spec.sandbox is not None:
        own = replace(own, sandbox=replace(spec.sandbox, write=(*spec.sandbox.write, str(root))))
    run, output = await begin(launcher, reservation, own, inherited)
    async with asyncio.timeout(TIMEOUT_S):
        text = await read_to_end(output)
        (ended,) = await run.wait()
    launcher.release(reservation)
    return Output(ended, text)


def rules(read: tuple[str, ...] = (), write: tuple[str, ...] = ()) -> SandboxRules:
    """What a dynamic Python needs, and may read or write besides."""
    return SandboxRules(execute=(PYTHON, *LIBRARIES), read=read, write=write)


async def test_command_runs_in_the_spares_directory_and_prints_into_its_pipes(
    launcher: Launcher, tmp_path: Path
) -> None:
    equip(launcher, tmp_path)

    output = await run_reserved(launcher, spec_of(shell("pwd; cat; exit 3"), tmp_path))

    place = Path(output.text.strip())
    assert (output.exit.exit_code, place.parents[1], place.name) == (3, tmp_path / "work", WORK)


async def test_each_command_has_a_directory_of_its_own_that_only_its_owner_can_enter(
    launcher: Launcher, tmp_path: Path
) -> None:
    equip(launcher, tmp_path)
    reservations = [await reserved(launcher) for _ in range(5)]

    folders = [folder for each in reservations for folder in (each.directory, each.directory / WORK)]
    assert len(set(folders)) == 10
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}
    for each in reservations:
        launcher.release(each)


async def test_spare_of_one_tool_runs_no_command_of_another(launcher: Launcher, tmp_path: Path) -> None:
    equip(launcher, tmp_path, rules(read=("/etc/passwd",)))
    reservation = await reserved(launcher)
    place = str(reservation.directory)
    others = [
        rules(write=(place,)),
        rules(read=("/etc/passwd",)),
        replace(rules(read=("/etc/passwd",), write=(place,)), connect_ports=None),
        replace(rules(read=("/etc/passwd",), write=(place,)), alone=True),
        None,
    ]

    for sandbox in others:
        with pytest.raises(ValueError, match="the spare"):
            await launcher.run([Stage(spec_of(python(""), tmp_path, sandbox=sandbox), (None,) * 3)], first=reservation)

    assert launcher.running_children == 0
    launcher.release(reservation)


@needs_landlock
@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("open('{common}').read()", "common"),
        ("open('{own}').read()", "own"),
        ("open('{other}').read()", "PermissionError"),
        ("open('{common}', 'w')", "PermissionError"),
        ("os.listdir('{beside}')", "PermissionError"),
        ("os.kill(os.getppid(), 0)", "PermissionError"),
        ("socket.socket(socket.AF_VSOCK)", "OSError"),
        ("open('made', 'w').write('x')", "1"),
    ],
)
async def test_command_may_do_what_its_tool_and_itself_may_and_nothing_else(
    launcher: Launcher, tmp_path: Path, code: str, printed: str
) -> None:
    paths = {name: tmp_path / name for name in ("common", "own", "other")}
    for name, path in paths.items():
        path.write_text(name)
    prepared = rules(read=(str(paths["common"]),))
    equip(launcher, tmp_path, prepared)
    wanted = replace(prepared, read=(*prepared.read, str(paths["own"])))
    done = code.format(**paths, beside=tmp_path / "work")
    told = f"import os, socket\ntry: print({done})\nexcept OSError as error: print(type(error).__name__)"

    output = await run_reserved(launcher, spec_of(python(told), tmp_path, sandbox=wanted))

    assert (output.exit.exit_code, output.text.strip()) == (0, printed)


@needs_landlock
async def test_only_the_ports_of_the_command_are_connected_to(launcher: Launcher, tmp_path: Path) -> None:
    equip(launcher, tmp_path, rules())
    code = "import socket\nfor port in (1, 2):\n  try: socket.create_connection(('127.0.0.1', port), 5)\n"
    code += "  except OSError as error: print(type(error).__name__)"
    sandbox = replace(rules(), connect_ports=(1,))

    output = await run_reserved(launcher, spec_of(python(code), tmp_path, sandbox=sandbox))

    assert output.text.split() == ["ConnectionRefusedError", "PermissionError"]


@needs_landlock
@needs_seccomp
@pytest.mark.parametrize(("ports", "printed"), [((), "PermissionError"), ((0,), "None")], ids=["none", "its own"])
async def test_only_a_command_with_a_port_of_its_own_listens(
    launcher: Launcher, tmp_path: Path, ports: tuple[int, ...], printed: str
) -> None:
    """The spare cannot know it. Without `bind`, Landlock does not judge which port is listened on."""
    equip(launcher, tmp_path, rules())
    code = "import socket\ntry: print(socket.socket().listen())\nexcept OSError as error: print(type(error).__name__)"

    spec = spec_of(python(code), tmp_path, sandbox=replace(rules(), bind_ports=ports))

    assert (await run_reserved(launcher, spec)).text.strip() == printed


@pytest.mark.parametrize(
    "sandbox", [None, pytest.param(rules(), marks=needs_landlock)], ids=["without sandbox", "in the sandbox"]
)
async def test_only_the_given_descriptors_are_open(
    launcher: Launcher, tmp_path: Path, sandbox: SandboxRules | None
) -> None:
    equip(launcher, tmp_path, sandbox)
    code = """
import os
for number in range(300):
    try: os.fstat(number)
    except OSError: continue
    print(number, end=" ")
"""
    spec = spec_of(python(code), tmp_path, sandbox=sandbox)

    assert (await run_reserved(launcher, spec)).text.split() == ["0", "1", "2"]
    assert (await run_reserved(launcher, spec, inherited=[0, 0])).text.split() == ["0", "1", "2", "3", "4"]


async def test_spare_that_is_not_used_leaves_nothing_and_is_replaced(launcher: Launcher, tmp_path: Path) -> None:
    equip(launcher, tmp_path)
    reservation = await reserved(launcher)
    descriptors = reservation.outputs()

    launcher.release(reservation)

    await wait_until(lambda: not reservation.directory.exists())
    for descriptor in descriptors:
        assert await read_to_end(descriptor) == "", "the child has gone, and closed its ends"
    assert (await run_reserved(launcher, spec_of(shell("exit 5"), tmp_path))).exit.exit_code == 5


@needs_linux
async def test_spare_that_was_killed_while_it_was_reserved_is_told(launcher: Launcher, tmp_path: Path) -> None:
    equip(launcher, tmp_path)
    reservation = await reserved(launcher)
    _kill_children(launcher.pid)
    stdout, stderr = reservation.outputs()
    assert [await read_to_end(each) for each in (stdout, stderr)] == ["", ""]
    await wait_until(lambda: not launcher._reserved)  # its pipes close a moment before its channel

    run = await launcher.run([Stage(spec_of(shell("exit 0"), tmp_path), (None,) * 3)], first=reservation)
    (ended,) = await run.wait()
    launcher.release(reservation)

    assert (ended.started, ended.error) == (False, "launcher: the waiting child was killed")
    await wait_until(lambda: launcher.running_children == 0)


@needs_linux
async def test_spares_for_filters_are_kept_when_the_reserved_one_was_killed(launcher: Launcher, tmp_path: Path) -> None:
    plain = _children(launcher.pid)
    equip(launcher, tmp_path)
    for _ in range(len(plain)):
        reservation = await reserved(launcher)
        assert reservation._spare is not None
        os.kill(reservation._spare.pid, signal.SIGKILL)
        await wait_until(lambda: not launcher._reserved)

        spec = spec_of(shell("exit 0"), tmp_path)
        own = tuple(os.open(os.devnull, os.O_RDWR) for _ in range(3))
        run = await launcher.run([Stage(spec, (None,) * 3), Stage(spec, own)], first=reservation)

        assert [ended.started for ended in await run.wait()] == [False, False]
        launcher.release(reservation)
    assert set(plain) <= set(_children(launcher.pid)), "they wait as before"
    assert launcher.running_children == 0


@needs_landlock
async def test_command_is_told_that_its_spare_could_not_prepare(launcher: Launcher, tmp_path: Path) -> None:
    impossible = rules(read=("no path\0",))
    equip(launcher, tmp_path, impossible)

    ended = (await run_reserved(launcher, spec_of(python(""), tmp_path, sandbox=impossible))).exit

    assert (ended.started, ended.error) == (False, "landlock: ValueError")


@needs_landlock
async def test_program_that_was_replaced_runs_at_once(launcher: Launcher, tmp_path: Path) -> None:
    program = static_program(tmp_path)
    sandbox = SandboxRules(execute=(str(program),))
    plain = set(_children(launcher.pid))
    equip(launcher, tmp_path, sandbox)
    await wait_until(lambda: len(_prepared(launcher, besides=plain)) == len(plain))
    spec = spec_of([str(program)], tmp_path, sandbox=sandbox)

    (tmp_path / "update").mkdir()
    static_program(tmp_path / "update").replace(program)

    ended = (await run_reserved(launcher, spec)).exit
    assert (ended.exit_code, ended.error) == (0, None)


@needs_landlock
async def test_spares_are_renewed_when_a_file_that_their_commands_read_was_replaced(
    launcher: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "FILES_CHECK_S", 0.01)
    common, update = tmp_path / "common", tmp_path / "update"
    common.write_text("old")
    sandbox = rules(read=(str(common),))
    plain = set(_children(launcher.pid))
    equip(launcher, tmp_path, sandbox)
    await wait_until(lambda: len(_prepared(launcher, besides=plain)) == len(plain))
    from_before = _prepared(launcher, besides=plain)

    update.write_text("new")
    update.replace(common)
    await wait_until(lambda: not from_before & set(_children(launcher.pid)))

    spec = spec_of(python(f"print(open('{common}').read())"), tmp_path, sandbox=sandbox)
    assert (await run_reserved(launcher, spec)).text.strip() == "new"
    assert plain <= set(_children(launcher.pid)), "they have prepared nothing"
    await wait_until(lambda: len(list((tmp_path / "work").glob("job-*"))) <= len(from_before) + 1)


async def test_no_spare_is_reserved_where_no_directory_can_be_made(launcher: Launcher, tmp_path: Path) -> None:
    launcher.equip({TOOL: Outfit(str(tmp_path / "missing"), None)})

    async with asyncio.timeout(TIMEOUT_S):
        assert await launcher.reserve(TOOL) is None
        assert await launcher.reserve("unknown") is None
    assert (await run_to_end(launcher, spec_of(shell("exit 6"), tmp_path))).exit.exit_code == 6


async def test_launcher_that_dies_takes_the_reserved_with_it(launcher: Launcher, tmp_path: Path) -> None:
    equip(launcher, tmp_path)
    reservation = await reserved(launcher)
    stdout, stderr = reservation.outputs()

    os.kill(launcher.pid, signal.SIGKILL)
    await launcher.gone.wait()

    assert [await read_to_end(each) for each in (stdout, stderr)] == ["", ""]
    with pytest.raises(LauncherGoneError):
        await launcher.run([Stage(spec_of(shell("exit 0"), tmp_path), (None,) * 3)], first=reservation)
    assert await launcher.reserve(TOOL) is None
    launcher.release(reservation)


async def test_many_commands_at_once_find_or_wait_for_spares(launcher: Launcher, tmp_path: Path) -> None:
    equip(launcher, tmp_path)
    specs = [spec_of(shell(f"echo {number}; exit {number}"), tmp_path) for number in range(30)]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run_reserved(launcher, spec)) for spec in specs]

    assert [(task.result().text, task.result().exit.exit_code) for task in tasks] == [(f"{n}\n", n) for n in range(30)]


async def test_signal_reaches_a_reserved_command_that_still_runs(launcher: Launcher, tmp_path: Path) -> None:
    equip(launcher, tmp_path)
    reservation = await reserved(launcher)
    spec = spec_of(shell("echo ready; sleep 1000 & wait"), reservation.directory / WORK)
    run, output = await begin(launcher, reservation, spec)
    assert await read_line(output) == "ready"

    run.signal(signal.SIGTERM)

    assert await read_to_end(output) == ""
    assert (await run.wait())[0].signal == signal.SIGTERM
    launcher.release(reservation)


def _prepared(launcher: Launcher, *, besides: set[int]) -> set[int]:
    """The spares that have opened what their rules name: that they filter system calls is their last preparation."""
    found = set()
    for child in set(_children(launcher.pid)) - besides:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if "Seccomp:\t2" in Path(f"/proc/{child}/status").read_text():
                found.add(child)
    return found


def _kill_children(pid: int) -> None:
    for child in _children(pid):
        os.kill(child, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
