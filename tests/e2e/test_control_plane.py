"""The control plane of these tests: nothing of it outlives them, however they end."""

import os
import sys

import pytest

from tests.integration.cli.family import Family
from tests.support.product import PROJECT, Process
from tests.support.waiting import wait_until

SCRIPT = """
import time
from tests.support import e2e_tools
from tests.support.control_plane import ControlPlane
with ControlPlane(e2e_tools.find()):
    print("ready", flush=True)
    time.sleep(600)
"""
START_TIMEOUT_S = 60
DEATH_TIMEOUT_S = 10
PARTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")


@pytest.mark.usefixtures("tools")
async def test_killed_tests_take_their_control_plane_along(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("killed")
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "TMPDIR": str(directory)}
    process = Process("tests", [sys.executable, "-c", SCRIPT], environment, directory / "log")
    await wait_until(lambda: "ready" in process.output() or not process.is_running, timeout_s=START_TIMEOUT_S)
    assert process.is_running, process.output()
    with Family(process.pid) as family:
        assert all(any(part in command for command in family.commands.values()) for part in PARTS)
        process.kill()
        assert not family.survivors(timeout_s=DEATH_TIMEOUT_S)
