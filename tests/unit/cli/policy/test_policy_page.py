"""docs/policy.md: its file is taken, and its commands are executed as they stand there."""

import os
import subprocess
import sys
from pathlib import Path

from gateway.policy import rule_file
from tests.support import readme

PAGE = Path("docs/policy.md")


def test_documented_file_is_taken_and_its_commands_say_what_it_makes_of_them(tmp_path: Path) -> None:
    file, showing = readme.blocks("yaml", page=PAGE)
    [commands] = readme.blocks("sh", page=PAGE)
    (tmp_path / "policy.yaml").write_text(file)
    answer = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        env={"PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=readme.SHELL_TIMEOUT_S,
    )
    assert answer.returncode == 0, answer.stderr
    assert "fence     shop, team-*" in answer.stdout
    assert "rule      rules/clean-up-teams" in answer.stdout
    assert len(rule_file.load(tmp_path / "policy.yaml").rules.rules) == 3
    (tmp_path / "showing.yaml").write_text(showing)
    [rule] = rule_file.load(tmp_path / "showing.yaml").rules.rules
    assert rule.shows_secrets
