"""Files that updates replace while spares wait."""

from pathlib import Path

from worker.launcher.pool.named_files import NamedFiles
from worker.launcher.protocol import SandboxRules


def replace(path: Path) -> None:
    update = path.with_suffix(".update")
    update.write_text("new")
    update.replace(path)


def test_replaced_file_is_noticed_once(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("old")
    files = NamedFiles(SandboxRules(read=(str(path),)))

    replace(path)

    assert [files.have_changed(), files.have_changed()] == [True, False]


def test_file_that_is_written_to_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("old")
    files = NamedFiles(SandboxRules(read=(str(path),)))

    path.write_text("new")

    assert not files.have_changed()


def test_file_that_appears_and_disappears_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "cert.pem"
    files = NamedFiles(SandboxRules(read=(str(path),)))
    path.write_text("new")
    assert files.have_changed()
    path.unlink()
    assert files.have_changed()


def test_look_at_programs_notices_programs_alone(tmp_path: Path) -> None:
    program, other = tmp_path / "kubectl", tmp_path / "hosts"
    for path in (program, other):
        path.write_text("old")
    files = NamedFiles(SandboxRules(execute=(str(program),), read=(str(other),)))

    replace(other)
    assert not files.programs_have_changed()
    replace(program)
    assert files.programs_have_changed()
    assert not files.have_changed()


def test_spares_without_rules_name_no_files() -> None:
    files = NamedFiles(None)

    assert not files.have_changed()
    assert not files.programs_have_changed()
