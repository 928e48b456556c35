import stat
from pathlib import Path

import pytest

from cli.errors import StartError
from cli.up import state_directory
from cli.up.runtime_directory import runtime_directory


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_new_directory_and_key_are_for_the_owner_only(tmp_path: Path) -> None:
    with state_directory.locked(tmp_path / "deep" / "state") as state:
        state_directory.ensure_master_key(state.master_key_file)

        assert (mode(state.path), mode(state.master_key_file), mode(state.valkey_directory)) == (0o700, 0o600, 0o700)
        assert state_directory.holds_key(state.master_key_file)


def test_second_start_keeps_the_key(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    state_directory.ensure_master_key(path)
    first = path.read_text()

    state_directory.ensure_master_key(path)

    assert path.read_text() == first
    assert [entry.name for entry in tmp_path.iterdir()] == ["master.key"]


def test_damaged_key_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_text("cut sh")

    with pytest.raises(StartError, match="does not contain a master key"):
        state_directory.ensure_master_key(path)

    assert path.read_text() == "cut sh"


def test_directory_that_others_can_read_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    with pytest.raises(StartError, match="chmod 700"), state_directory.locked(tmp_path):
        pass


def test_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StartError, match="cannot be used"), state_directory.locked(tmp_path / "file" / "state"):
        pass


def test_locked_directory_is_refused_with_its_holder(tmp_path: Path) -> None:
    with state_directory.locked(tmp_path / "state") as state:
        state.note("")

        with pytest.raises(StartError, match=r"process \d+"), state_directory.locked(tmp_path / "state"):
            pass


def test_lock_ends_with_its_holder(tmp_path: Path) -> None:
    for _ in range(2):
        with state_directory.locked(tmp_path / "state") as state:
            assert state.path == tmp_path / "state"


@pytest.mark.parametrize(
    ("configured", "expected"),
    [("/var/state", "/var/state/mcp-k8s"), ("relative", None), ("", None)],
    ids=["absolute", "relative", "empty"],
)
def test_default_path_follows_xdg(configured: str, expected: str | None) -> None:
    path = state_directory.default_path({"XDG_STATE_HOME": configured})

    assert path == (Path(expected) if expected else Path.home() / ".local" / "state" / "mcp-k8s")


def test_runtime_directory_is_private_and_goes_with_its_run(tmp_path: Path) -> None:
    with state_directory.locked(tmp_path / "state") as state:
        with runtime_directory(state) as runtime:
            assert mode(runtime) == 0o700
            assert state.noted_runtime() == str(runtime)

        assert not runtime.exists()
        assert not state.noted_runtime()


def test_folder_of_a_killed_run_is_removed_by_the_next(tmp_path: Path) -> None:
    leftover = tmp_path / "mcp-k8s-up-killed"
    leftover.mkdir()
    with state_directory.locked(tmp_path / "state") as state:
        state.note(str(leftover))
    with state_directory.locked(tmp_path / "state") as state, runtime_directory(state):
        assert not leftover.exists()


def test_noted_folder_that_is_none_of_ours_stays(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    with state_directory.locked(tmp_path / "state") as state:
        state.note(str(precious))
        with runtime_directory(state):
            assert precious.exists()


def test_socket_path_stays_short_where_temporary_files_lie_deep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))

    with state_directory.locked(tmp_path / "state") as state, runtime_directory(state) as runtime:
        assert runtime.parent == Path("/tmp")
