"""docs/operations.md: its commands are executed, and each alert has its section."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from shared.sealing.fernet_keys import MasterKeys
from tests.support import readme
from tests.support.product import PROJECT
from tests.support.valkey import Valkey

PAGE = PROJECT / "docs" / "operations.md"
KEY_FILE = "/secrets/master-keys"
CONTAINERS = ("docker compose exec gateway ", "kubectl -n mcp-k8s exec deploy/mcp-k8s-gateway -- ")
"""In which the same command runs."""
COMPOSE_RUN = "docker compose run --rm secrets "
"""Of an image whose entry point is `mcp-k8s`."""
LONG_AGO_S = 86_400
TIMEOUT_S = 60


def commands() -> list[str]:
    """Every line of the page's shell blocks, as what runs on the machine or in the container."""
    lines = [line for block in readme.blocks("sh", PAGE) for line in block.splitlines()]
    for prefix in CONTAINERS:
        lines = [line.removeprefix(prefix) for line in lines]
    return [line.replace(COMPOSE_RUN, "mcp-k8s ") for line in lines]


def run(command: str, *, valkey: Valkey, key_file: Path) -> subprocess.CompletedProcess[str]:
    program, *arguments = command.replace(KEY_FILE, str(key_file)).split()
    assert program == "mcp-k8s", command
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "K8S_MCP_REDIS_URL": valkey.url},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.mark.parametrize("command", sorted({line for line in commands() if " status" in line}))
def test_status_is_shown(own_valkey: Valkey, tmp_path: Path, command: str) -> None:
    shown = run(command, valkey=own_valkey, key_file=tmp_path)

    assert shown.returncode == 3, "it warns: no worker takes jobs"
    assert "Valkey" in shown.stdout


def test_key_is_exchanged_step_by_step(own_valkey: Valkey, tmp_path: Path) -> None:
    key_file, old_key = tmp_path / "master-keys", MasterKeys.generate()
    key_file.write_text(old_key)
    steps = [line for line in dict.fromkeys(commands()) if "key rotate" in line]

    for step in steps:
        made = run(step, valkey=own_valkey, key_file=key_file)
        assert made.returncode == 0, made.stderr
        os.utime(key_file, (time.time() - LONG_AGO_S, time.time() - LONG_AGO_S))

    assert len(steps) == 3
    assert old_key not in key_file.read_text()


def test_every_command_of_the_page_is_executed_here() -> None:
    assert all(" status" in line or "key rotate" in line for line in commands())


def test_each_alert_has_its_section() -> None:
    sections = set(re.findall(r"^### (\S+)$", PAGE.read_text(), re.MULTILINE))
    files = sorted((PROJECT / "deploy").rglob("alerts*.yaml"))
    rules = [rule for file in files for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]

    assert {rule["alert"] for rule in rules} - sections == set()
