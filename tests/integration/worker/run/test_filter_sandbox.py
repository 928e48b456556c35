"""What a filter cannot do, judged by effects; each attempt is shown to work where there is no sandbox."""

import os
import resource
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.command import filters
from shared.command.filters import Filter
from tests.integration.worker.launcher.test_launcher_support import LIMITS, needs_landlock
from tests.integration.worker.piped import Piped
from tests.support import static_elf
from worker.launcher import seccomp
from worker.launcher.client import Launcher
from worker.machine import filter_binaries
from worker.machine.elf import Dependencies
from worker.machine.filter_binaries import FilterBinary
from worker.run import filter_plan, job_directory

pytestmark = needs_landlock

SECRET = "hunter2"
CALLS = Filter("calls", "makes one system call")
EACCES = 13
OUTWARD = {
    "socket": ((41, 198), (socket.AF_INET, socket.SOCK_STREAM, 0)),
    "kill": ((62, 129), (os.getpid(), 0)),
    "prlimit": ((302, 261), (os.getpid(), resource.RLIMIT_CORE, 0)),
    "setpriority": ((141, 140), (os.PRIO_PROCESS, os.getpid(), 19)),
    "shmget": ((29, 194), (4711, 1, 0)),
    "msgget": ((68, 186), (4711, 0)),
    "ptrace": ((101, 117), (4711, os.getpid())),
    "setsid": ((112, 157), ()),
    "pidfd_open": ((434, 434), (os.getpid(), 0)),
}
"""Name → numbers on x86_64 and aarch64, and arguments with which it would do no harm where it is allowed."""
needs_seccomp = pytest.mark.skipif(not seccomp.is_supported(), reason="this processor's system calls are not listed")


@pytest.fixture
async def piped(tmp_path: Path) -> AsyncIterator[Piped]:
    (tmp_path / "work").mkdir()
    launcher = await Launcher.start(tmp_path / "work")
    found, _ = filter_binaries.find_all(filters.FILTERS, None, sandboxed=True)
    async with job_directory.create(tmp_path / "work", {"words": "a\nb\n"}) as directory:
        yield Piped(launcher, directory, found, sandboxed=True)
    await launcher.close()


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of the worker, beside that of its jobs."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text(f"{SECRET}\n")
    return folder


@pytest.mark.parametrize(
    "behind",
    [
        """awk 'BEGIN{system("/usr/bin/id")}'""",
        """awk 'BEGIN{while (("/usr/bin/id" | getline line) > 0) print line}'""",
        """awk '{print "/usr/bin/id" | "/bin/sh"}'""",
        "sed '1e /usr/bin/id'",
        "sed 's|x|/usr/bin/id|e'",
        """yq -n --security-enable-system-operator '.a = system("/usr/bin/id")'""",
    ],
)
async def test_no_program_is_started(piped: Piped, behind: str) -> None:
    contained = await piped.run("echo x", behind)
    control = await piped.without_sandbox().run("echo x", behind)

    assert "uid=" not in contained.stdout + contained.stderr
    assert "uid=" in control.stdout


@needs_seccomp
@pytest.mark.parametrize("program", ["/bin/false", "sh", "/bin/sh", "its loader"])
async def test_sort_starts_no_program_and_sorts_all_the_same(piped: Piped, program: str) -> None:
    given = program.replace("its loader", str(piped.binaries["sort"].needs.loader))
    behind = f"sort -S 64k -n --compress-program={given} | tail -1"

    contained = await piped.run("exec seq 100000", behind)
    control = await piped.without_sandbox().run("exec seq 100000", behind.replace(given, "/bin/false"))

    assert (contained.exit_code, contained.stdout) == (0, "100000\n")
    assert control.stdout != "100000\n"


@needs_seccomp
async def test_pipe_to_a_program_is_a_failure_and_no_loss(piped: Piped) -> None:
    printed = await piped.run("echo x", """awk '{print | "/bin/cat"}' | wc -l""")

    assert (printed.execution.stage, printed.exit_code) == ("awk", 2)


@pytest.mark.parametrize(
    "behind",
    [
        """awk '{print > "PATH"}'""",
        "sed -n 'w PATH'",
        "sort -o PATH",
        "uniq - PATH",
        "sed -i s/x/y/ PATH",
        "yq -s '\"PATH\"' words",
    ],
)
async def test_no_file_is_written(piped: Piped, outside: Path, behind: str) -> None:
    at_work = piped.directory.work
    places = [outside / "canary", at_work / "canary", at_work / "words"]
    for place in places:
        await piped.run("echo x", behind.replace("PATH", str(place)))

    assert (_names(outside), _names(at_work)) == (["secret"], ["words"])
    assert (at_work / "words").read_text() == "a\nb\n"


async def test_files_are_written_where_there_is_no_sandbox(piped: Piped, outside: Path) -> None:
    await piped.without_sandbox().run("echo x", f"""awk '{{print > "{outside}/canary"}}'""")

    assert (outside / "canary").read_text() == "x\n"


@pytest.mark.parametrize(
    "behind",
    [
        "grep -rh . FOLDER",
        "sed 'r FOLDER/secret'",
        "sort FOLDER/secret",
        "head FOLDER/secret",
        """awk 'BEGIN{while ((getline line < "FOLDER/secret") > 0) print line}'""",
        "jq -nr --rawfile x FOLDER/secret '$x'",
        "jq -Rnr 'input' FOLDER/secret",
        "yq -n 'load_str(\"FOLDER/secret\")'",
    ],
)
async def test_no_file_of_the_worker_is_read(piped: Piped, outside: Path, behind: str) -> None:
    contained = await piped.run("echo x", behind.replace("FOLDER", str(outside)))
    control = await piped.without_sandbox().run("echo x", behind.replace("FOLDER", str(outside)))

    assert SECRET not in contained.stdout + contained.stderr
    assert SECRET in control.stdout


@pytest.mark.parametrize("path", ["/etc", "/proc/self/environ", "/root", "/bin/sh", "/usr/lib", "..", "../../.."])
async def test_nothing_else_is_readable(piped: Piped, path: str) -> None:
    (piped.directory.root / "credentials").write_text(SECRET)

    printed = await piped.run("echo x", f"grep -ra . {path}")

    assert (printed.stdout, printed.execution.stage) == ("", "grep")


async def test_files_of_the_request_are_readable(piped: Piped) -> None:
    assert (await piped.run("echo b", "grep -f - words")).stdout == "b\n"


async def test_environment_holds_nothing_of_the_worker(piped: Piped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S_MCP_MASTER_KEYS", SECRET)
    behind = "awk 'BEGIN{for (name in ENVIRON) print name \"=\" ENVIRON[name]}' | sort"

    printed = await piped.run(f"export TOKEN={SECRET}; echo x", behind)

    nothing = f"PATH={piped.directory.no_programs}"
    assert printed.stdout.splitlines() == ["LANG=C.UTF-8", "LC_ALL=C.UTF-8", nothing]
    assert not piped.directory.no_programs.exists()


async def test_environment_of_jq_is_as_empty(piped: Piped) -> None:
    assert (await piped.run("echo x", "jq -nr '$ENV|keys[]'")).stdout == "LANG\nLC_ALL\nPATH\n"


async def test_kubeconfig_of_the_tool_does_not_reach_its_filters(piped: Piped) -> None:
    def kubeconfig() -> int:
        descriptor = os.memfd_create("kubeconfig")
        os.write(descriptor, SECRET.encode())
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    has_it = await piped.run("cat /proc/self/fd/3", "wc -c", inherited=(kubeconfig(),))
    has_not = await piped.run("echo x", "grep -a . /proc/self/fd/3 /dev/fd/3", inherited=(kubeconfig(),))

    assert has_it.stdout == f"{len(SECRET)}\n"
    assert SECRET not in has_not.stdout


@needs_seccomp
@pytest.mark.skipif(not static_elf.IS_POSSIBLE, reason="no hand-made executable for this machine")
@pytest.mark.parametrize("call", OUTWARD)
async def test_filter_reaches_nothing_beside_itself(piped: Piped, tmp_path: Path, call: str) -> None:
    (on_x86, on_arm), arguments = OUTWARD[call]
    program = static_elf.write(
        tmp_path / "calls", static_elf.calling({"x86_64": on_x86, "aarch64": on_arm}, *arguments)
    )
    calling = piped.with_filter(FilterBinary(CALLS, program, Dependencies(None, ())))

    contained = await calling.run("exit 0", "calls")
    control = await replace(calling, sandboxed=False).run("exit 0", "calls")

    assert contained.exit_code == EACCES
    assert control.exit_code != EACCES


async def test_filter_that_wants_too_much_memory_fails_alone(piped: Piped) -> None:
    printed = await piped.run("echo x", """awk 'BEGIN{s = "x"; while (1) s = s s}' | wc -l""")

    assert printed.execution.stage == "awk"
    assert printed.exit_code != 0


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
async def test_awk_that_knows_the_network_does_not_reach_it(
    piped: Piped, listener: socket.socket, protocol: str
) -> None:
    gawk = shutil.which("gawk")
    if gawk is None:
        pytest.skip("this machine has no gawk, the one filter that speaks TCP and UDP")
    awk = filter_binaries.find_all([Filter("gawk", "")], None, sandboxed=True)[0]["gawk"]
    port = listener.getsockname()[1]
    behind = f"""gawk '{{print "leak" |& "/inet/{protocol}/0/127.0.0.1/{port}"}}'"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", port))
        datagrams.setblocking(False)

        await piped.with_filter(awk).run("echo x", behind)

        with pytest.raises(BlockingIOError):
            listener.accept()
        with pytest.raises(BlockingIOError):
            datagrams.recv(100)


async def test_what_a_sort_spills_is_its_own_and_goes(piped: Piped) -> None:
    printed = await piped.run("exec seq 200000", "sort -S 64k -n | tail -1")
    spill = piped.directory.spill
    await piped.run("echo x", f"""awk '{{print > "{spill}/canary"}}'""")

    assert printed.stdout == "200000\n"
    assert _names(spill) == []


@pytest.mark.parametrize("name", filters.NAMES)
def test_no_program_but_its_own_is_readable_to_a_filter(piped: Piped, name: str) -> None:
    piped.require(name)
    binary = piped.binaries[name]
    [stage] = filter_plan.build([(name,)], piped.binaries, piped.directory, limits=LIMITS, sandboxed=True)
    assert stage.sandbox is not None
    rules = stage.sandbox
    allowed = [Path(path) for path in (*rules.execute, *rules.read, *rules.write)]

    programs = {path.resolve() for path in _files(allowed) if path.read_bytes()[:4] == b"\x7fELF"}

    assert programs == {binary.path, *binary.needs.libraries, *filter(None, [binary.needs.loader])}
    assert set(rules.execute) == {str(binary.path), *map(str, filter(None, [binary.needs.loader]))}
    assert (rules.connect_ports, rules.bind_ports, rules.alone) == ((), (), True)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        yield from (found for found in (path.rglob("*") if path.is_dir() else [path]) if found.is_file())
