"""A folder with secrets is gone when the processes that use it are."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.product import PROJECT
from tests.support.vanishing_folder import VanishingFolder
from tests.support.waiting import wait_blocking

OWNER = """
import subprocess, sys
from tests.support.vanishing_folder import VanishingFolder
folder = VanishingFolder("secret-")
(folder.path / "key").write_text("secret")
user = subprocess.Popen([sys.executable, "-ISc", "input()"], stdin=0, stdout=2, pass_fds=(folder.lifeline,))
print(folder.path, folder.pid, flush=True)
user.wait()
"""
END_TIMEOUT_S = 30

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="waits for adopted processes through /proc")


@contextmanager
def owner(directory: Path) -> Iterator[tuple["subprocess.Popen[str]", Path, int]]:
    """A process with such a folder and with one other that uses it and ends when its input does: also the folder."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(directory)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        path, pid = process.stdout.readline().split()
        yield process, Path(path), int(pid)


def test_folder_is_its_owners_alone_and_goes_when_it_is_removed() -> None:
    folder = VanishingFolder("secret-")
    assert folder.path.stat().st_mode & 0o777 == 0o700

    folder.remove()

    assert not folder.path.exists()
    assert not processes.left_behind()


def test_killed_owner_leaves_the_folder_to_those_that_use_it_and_then_it_is_gone(tmp_path: Path) -> None:
    with owner(tmp_path) as (process, path, reaper):
        process.kill()
        process.wait()
        assert (path / "key").exists()
        assert str(reaper) in map(str, processes.left_behind())

        assert process.stdin is not None
        process.stdin.close()
        wait_blocking(lambda: not path.exists(), timeout_s=END_TIMEOUT_S)
    wait_blocking(lambda: not processes.left_behind(), timeout_s=END_TIMEOUT_S)
    assert os.listdir(tmp_path) == []


def test_folder_that_cannot_be_made_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))

    with pytest.raises(FileNotFoundError):
        VanishingFolder("secret-")

    assert not processes.left_behind()
