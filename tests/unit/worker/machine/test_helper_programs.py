"""The programs that CLIs start by themselves, as this machine has them."""

import shutil
from pathlib import Path

import pytest

from shared.tools.helm import definition as helm
from shared.tools.kubectl import definition as kubectl
from worker.machine import helper_programs

needs_diff = pytest.mark.skipif(shutil.which("diff") is None, reason="no diff on PATH")


@needs_diff
def test_diff_is_found_with_what_it_needs_to_start() -> None:
    [diff] = helper_programs.find_all(kubectl.TOOL, None).values()

    assert diff.path == Path(str(shutil.which("diff"))).resolve()
    assert all(Path(path).is_file() for path in (*diff.needs.executable, *diff.needs.readable))


def test_tool_that_starts_nothing_has_none() -> None:
    assert helper_programs.find_all(helm.TOOL, None) == {}


def test_program_that_is_no_elf_file_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "diff").write_text("#!/bin/sh\n")
    (tmp_path / "diff").chmod(0o755)

    assert helper_programs.find_all(kubectl.TOOL, tmp_path) == {}
