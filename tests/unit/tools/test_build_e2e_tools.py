"""The whole command runs, with a `go` on PATH that writes what it is asked for, or fails as the real one does."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.waiting import wait_blocking
from tools import e2e_tools
from tools.e2e_tools import CacheFolder

ROOT = Path(__file__).parents[3]
BUILDS = e2e_tools.load()
BINARIES = [binary.name for binary in BUILDS.binaries]
FAKE_GO = """#!{python} -IS
import json, os, pathlib, sys
own = pathlib.Path(__file__).parent
with (own / "calls").open("a") as calls:
    calls.write(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]) + "\\n")
wanted = json.loads((own / "faults").read_text())
if sys.argv[1] == "version":
    print(wanted.get("version", "go version go1.99.1 linux/amd64"))
elif sys.argv[1] == "mod":
    if "mod" in wanted:
        print(json.dumps({{"Error": wanted["mod"]}}))
        sys.exit(1)
    print(json.dumps({{"Dir": str(own / "module")}}))
else:
    target = pathlib.Path(sys.argv[sys.argv.index("-o") + 1])
    target.write_text("half")
    if wanted.get("hang") == target.name:
        import subprocess
        child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        (own / "hanging").write_text(str(child.pid))
        child.wait()
    if target.name in wanted:
        print("go: downloading a.test/b v1\\n" + wanted[target.name], file=sys.stderr)
        sys.exit(1)
    target.write_text("#!/bin/sh\\n")
"""


class Machine:
    """A PATH with that `go`, and a cache folder of its own."""

    def __init__(self, directory: Path) -> None:
        self.bin = directory / "path"
        self.cache = directory / "cache"
        self.environment = {"PATH": str(self.bin), "XDG_CACHE_HOME": str(self.cache), "HOME": str(directory)}
        self.bin.mkdir()
        self.write_module()
        self.set_faults()
        go = self.bin / "go"
        go.write_text(FAKE_GO.format(python=sys.executable))
        go.chmod(0o755)

    def write_module(self) -> None:
        """Read-only, as Go keeps them."""
        for name in [name for module in BUILDS.modules for name in module.share]:
            path = self.bin / "module" / (name if name.endswith(".sh") else f"{name}/a/b.yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("content")
            path.chmod(0o444)

    def set_faults(self, **faults: str) -> None:
        (self.bin / "faults").write_text(json.dumps(faults))

    @property
    def folder(self) -> CacheFolder:
        return e2e_tools.cache_folder(self.environment)

    @property
    def calls(self) -> list[tuple[list[str], str, dict[str, str]]]:
        return [json.loads(line) for line in (self.bin / "calls").read_text().splitlines()]

    def built_names(self) -> list[str]:
        return sorted(os.listdir(self.folder.bin)) if self.folder.bin.exists() else []

    def start(self, *prefix: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*prefix, sys.executable, "-m", "tools.build_e2e_tools"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def make(self) -> subprocess.CompletedProcess[str]:
        with self.start() as process:
            stdout, stderr = process.communicate()
        return subprocess.CompletedProcess([], process.returncode, stdout, stderr)

    def fail(self) -> str:
        """The one line that it fails with."""
        finished = self.make()
        assert finished.returncode == 1, finished
        assert finished.stderr.startswith("error: ")
        assert finished.stderr.count("\n") == 1
        return finished.stderr

    def partials(self) -> list[Path]:
        return [path for path in self.folder.path.iterdir() if path.name.startswith(".partial-")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_everything_is_built_and_copied(machine: Machine) -> None:
    finished = machine.make()

    assert finished.returncode == 0, finished.stderr
    assert machine.built_names() == sorted(BINARIES)
    assert machine.folder.is_complete(BUILDS)
    assert all(os.access(machine.folder.bin / name, os.X_OK) for name in BINARIES)
    assert (machine.folder.share / "kwok/kustomize/stage/a/b.yaml").read_text() == "content"
    assert not machine.partials()


def test_each_binary_prints_a_line_with_its_seconds(machine: Machine) -> None:
    lines = machine.make().stdout.splitlines()

    assert re.fullmatch(rf"\[1/{len(BINARIES)}\] etcd v3\.7\.3 \.\.\. \d+ s", lines[0])
    assert [line.split()[1] for line in lines[:-1]] == BINARIES
    assert re.fullmatch(rf"all binaries exist after \d min \d+ s: {machine.folder.bin}", lines[-1])


def test_binary_is_built_in_its_module_with_its_version(machine: Machine) -> None:
    machine.make()

    (argv, directory, environment), *_ = [call for call in machine.calls if call[0][-1].endswith("/cmd/helm")]
    assert directory == str(ROOT / "tests/e2e/tools/helm")
    assert environment["CGO_ENABLED"] == "0"
    assert argv[:5] == [
        "build",
        "-mod=readonly",
        "-trimpath",
        "-buildvcs=false",
        "-ldflags=-s -w -X helm.sh/helm/v4/internal/version.version=v4.3.1",
    ]


@pytest.mark.parametrize("name", ["GOOS", "GOARCH"])
def test_binaries_are_for_this_platform_even_where_go_is_told_another(machine: Machine, name: str) -> None:
    machine.environment[name] = "plan9"

    machine.make()

    assert not [environment for _, _, environment in machine.calls if name in environment]


def test_copied_script_is_executable(machine: Machine) -> None:
    machine.make()

    hack = machine.folder.share / "argocd" / "hack"
    assert os.access(hack / "git-verify-wrapper.sh", os.X_OK)


def test_copied_files_can_be_removed_again(machine: Machine) -> None:
    machine.make()

    paths = [machine.folder.share, *machine.folder.share.rglob("*")]
    assert not [path for path in paths if not path.stat().st_mode & 0o200]


def test_second_call_needs_no_go(machine: Machine) -> None:
    machine.make()
    (machine.bin / "go").unlink()

    finished = machine.make()

    assert (finished.returncode, finished.stdout) == (0, f"all binaries exist: {machine.folder.bin}\n")


def test_rerun_builds_only_what_is_missing(machine: Machine) -> None:
    machine.make()
    (machine.folder.bin / "kwok").unlink()
    (machine.bin / "calls").unlink()

    machine.make()

    assert [argv[0] for argv, _, _ in machine.calls] == ["version", "build"]
    assert machine.folder.is_complete(BUILDS)


def test_files_that_went_are_copied_again(machine: Machine) -> None:
    machine.make()
    stage = machine.folder.share / "kwok"
    stage.rename(stage.with_name("gone"))

    machine.make()

    assert stage.is_dir()


def test_failed_binary_leaves_the_earlier_ones_and_nothing_of_itself(machine: Machine) -> None:
    machine.set_faults(helm="# a.test/b\nb.go:1:1: undefined: c\n")

    line = machine.fail()

    assert "helm could not be built (b.go:1:1: undefined: c): `go build -o /dev/null helm.sh/" in line
    assert machine.built_names() == sorted(BINARIES[: BINARIES.index("helm")])
    assert not machine.partials()


def test_rerun_after_a_failure_goes_on_from_there(machine: Machine) -> None:
    machine.set_faults(helm="b.go:1:1: undefined: c\n")
    machine.fail()
    machine.set_faults()

    lines = machine.make().stdout.splitlines()

    assert lines[0].startswith(f"[1/{len(BINARIES) - BINARIES.index('helm')}] helm ")
    assert machine.folder.is_complete(BUILDS)


@pytest.mark.parametrize(
    ("stderr", "advice"),
    [
        ("a.test/b@v1: reading http://a.test/b/@v/v1.zip: 403 Forbidden", "check the network and Go's module proxy"),
        ('a.test/b@v1: Get "http://a.test": dial tcp: lookup a.test: no such host', "check the network and Go's"),
        ("module lookup disabled by GOPROXY=off", "check the network and Go's module proxy (`go env GOPROXY`)"),
        ("# a\ncompile: write $WORK/b346/_pkg_.a: no space left on device", "make room (16 GB is enough"),
        ("verifying a.test/b@v1: checksum mismatch\n\nSECURITY ERROR", "not what go.sum pins, and was not used"),
        ("# a\ncompile: signal: killed", "free some memory, then run make e2e-tools again"),
        ("", "(go gave no reason): `go build"),
    ],
    ids=["refused", "no network", "switched off", "full disk", "checksum", "no memory", "silence"],
)
def test_what_go_cannot_do_says_what_to_do(machine: Machine, stderr: str, advice: str) -> None:
    machine.set_faults(etcd=stderr)

    assert advice in machine.fail()
    assert machine.built_names() == []


def test_refused_module_says_what_to_do(machine: Machine) -> None:
    machine.set_faults(mod="sigs.k8s.io/kwok@v0.8.0: reading http://a.test/kwok/@v/v0.8.0.zip: 403 Forbidden")

    assert "sigs.k8s.io/kwok could not be downloaded" in machine.fail()
    assert not machine.folder.share.exists()


def test_missing_go_says_which_to_install(machine: Machine) -> None:
    (machine.bin / "go").unlink()

    assert machine.fail() == "error: go is not on PATH: install Go 1.26.3 or newer, then run make e2e-tools again\n"


@pytest.mark.parametrize("found", ["1.20", "1.26.2", "1.26rc1"])
def test_old_go_says_which_to_install(machine: Machine, found: str) -> None:
    machine.set_faults(version=f"go version go{found} linux/amd64")

    assert "is too old for argocd: install Go 1.26.3 or newer" in machine.fail()


@pytest.mark.parametrize("found", ["go1.26.3", "go1.27", "devel go1.27-0123abc", "go2.0.0"])
def test_newer_go_will_do(machine: Machine, found: str) -> None:
    machine.set_faults(version=f"go version {found} linux/amd64")

    assert machine.make().returncode == 0


def test_cache_that_cannot_be_written_says_so(machine: Machine) -> None:
    machine.cache.write_text("a file")

    assert f"check that {machine.folder.path} is writable" in machine.fail()


@contextmanager
def hanging(machine: Machine, name: str, *prefix: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The command while it builds that one, and the id of the compiler."""
    machine.set_faults(hang=name)
    compiler = machine.bin / "hanging"
    with machine.start(*prefix) as process:
        wait_blocking(lambda: compiler.exists() and compiler.read_text())
        yield process, int(compiler.read_text())


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(
    ("number", "exit_code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["interrupted", "terminated", "terminal closed"],
)
def test_ended_command_leaves_no_compiler_and_nothing_half_built(
    machine: Machine, number: signal.Signals, exit_code: int
) -> None:
    with hanging(machine, "helm") as (process, compiler):
        process.send_signal(number)
        assert process.wait(10) == exit_code

    wait_blocking(lambda: not is_running(compiler))
    assert machine.built_names() == sorted(BINARIES[: BINARIES.index("helm")])
    assert not machine.partials()


def test_closed_terminal_does_not_end_what_is_to_outlive_it(machine: Machine) -> None:
    nohup = ["/bin/sh", "-c", "trap '' HUP; exec \"$@\"", "sh"]
    with hanging(machine, "helm", *nohup) as (process, compiler):
        process.send_signal(signal.SIGHUP)
        os.kill(compiler, signal.SIGKILL)
        assert process.wait(10) == 0

    assert machine.folder.is_complete(BUILDS)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_a_killed_command_left_is_removed_by_the_next(machine: Machine) -> None:
    with hanging(machine, "helm") as (process, compiler):
        process.kill()
        process.wait()
        os.kill(compiler, signal.SIGKILL)
    assert machine.partials()
    machine.set_faults()

    assert machine.make().returncode == 0
    assert not machine.partials()
    assert machine.folder.is_complete(BUILDS)


def test_second_command_waits_for_the_first_and_builds_nothing_twice(machine: Machine) -> None:
    with hanging(machine, "helm") as (first, compiler), machine.start() as second:
        assert second.stdout is not None
        assert second.stdout.readline() == "waiting for another make e2e-tools to end\n"
        os.kill(compiler, signal.SIGKILL)
        assert (first.wait(10), second.wait(10)) == (0, 0)

    assert len([argv for argv, _, _ in machine.calls if argv[0] == "build"]) == len(BINARIES)
