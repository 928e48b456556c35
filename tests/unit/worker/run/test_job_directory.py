"""The directory of a job, which goes with the job."""

from collections.abc import Callable
from pathlib import Path

import pytest

from worker.launcher.pool import removal
from worker.launcher.protocol import WORK
from worker.run import job_directory
from worker.run.job_directory import JobDirectory


def nothing(_: JobDirectory) -> None:
    pass


def files(directory: JobDirectory) -> None:
    (directory.root / ".kube" / "cache").mkdir(parents=True)
    (directory.root / ".kube" / "cache" / "kinds").write_text("x")
    (directory.work / "written").write_text("x")


def no_folder(directory: JobDirectory) -> None:
    directory.work.rmdir()


def link_beside(directory: JobDirectory) -> None:
    (directory.root / "beside").symlink_to(directory.root.parent)


def link_to_an_empty_folder(directory: JobDirectory) -> None:
    directory.work.rmdir()
    (directory.root.parent / "empty").mkdir()
    directory.work.symlink_to(directory.root.parent / "empty")


def link_elsewhere(directory: JobDirectory) -> None:
    directory.work.rmdir()
    directory.work.symlink_to(directory.root.parent)


@pytest.mark.parametrize("left", [nothing, files, no_folder, link_beside, link_to_an_empty_folder, link_elsewhere])
@pytest.mark.parametrize("is_made_by_a_spare", [True, False])
async def test_directory_goes_with_its_job_whatever_the_command_left(
    tmp_path: Path, left: Callable[[JobDirectory], None], is_made_by_a_spare: bool
) -> None:
    (tmp_path / "other").write_text("stays")
    root = tmp_path / "job-1"
    (root / WORK).mkdir(parents=True)

    place = job_directory.use(root, {}) if is_made_by_a_spare else job_directory.create(tmp_path, {})
    async with place as directory:
        left(directory)

    removal.remove_empty([directory.root] if is_made_by_a_spare else [])

    assert not directory.root.exists()
    assert (tmp_path / "other").read_text() == "stays"


async def test_files_of_the_caller_lie_in_the_working_directory(tmp_path: Path) -> None:
    async with job_directory.create(tmp_path, {"a/b.txt": "text"}) as directory:
        assert (directory.work / "a" / "b.txt").read_text() == "text"
