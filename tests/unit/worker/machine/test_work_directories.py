"""A worker's folder, and those that dead workers have left."""

from pathlib import Path

from worker.machine import work_directories


def left_by_a_dead_worker(place: Path) -> Path:
    path = place / "mcp-k8s-dead"
    (path / "discovery").mkdir(parents=True)
    (path / "worker.lock").touch()
    return path


def test_folder_is_for_its_owner_only_and_goes_at_the_end(tmp_path: Path) -> None:
    with work_directories.create(tmp_path) as directory:
        assert directory.parent == tmp_path
        assert directory.stat().st_mode & 0o777 == 0o700
        (directory / "job").mkdir()
    assert list(tmp_path.iterdir()) == []


def test_folder_of_a_dead_worker_is_removed_at_the_start(tmp_path: Path) -> None:
    dead = left_by_a_dead_worker(tmp_path)

    with work_directories.create(tmp_path):
        assert not dead.exists()


def test_folder_of_a_living_worker_is_left_alone(tmp_path: Path) -> None:
    with work_directories.create(tmp_path) as first, work_directories.create(tmp_path) as second:
        assert first.is_dir()
        assert second.is_dir()


def test_what_is_no_workers_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "mcp-k8s-doctor-1"
    other.mkdir()
    elsewhere = tmp_path / "elsewhere"
    left_by_a_dead_worker(elsewhere)
    (tmp_path / "mcp-k8s-link").symlink_to(elsewhere / "mcp-k8s-dead")
    (tmp_path / "mcp-k8s-file").touch()

    with work_directories.create(tmp_path):
        pass

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "elsewhere",
        "mcp-k8s-doctor-1",
        "mcp-k8s-file",
        "mcp-k8s-link",
    ]
    assert (elsewhere / "mcp-k8s-dead").is_dir()
