"""What is said of the sandbox, on this kernel and as on one that has no Landlock."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.sealing.fernet_keys import MasterKeys
from shared.store.workers import WorkerRegistry
from tests.support.product import PROJECT, Product
from tests.support.waiting import wait_until
from worker.machine import containment

needs_seccomp = pytest.mark.skipif(
    not containment.of_this_machine().has_seccomp, reason="takes Landlock away by a seccomp filter"
)
TIMEOUT_S = 60
WITHOUT_LANDLOCK = [sys.executable, "-m", "tests.support.without_landlock", sys.executable, "-m"]


def run_without_landlock(*module: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "K8S_MCP_MASTER_KEYS": MasterKeys.generate(), **settings}
    return subprocess.run(
        [*WITHOUT_LANDLOCK, *module],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@needs_seccomp
def test_worker_that_needs_a_sandbox_says_in_one_line_that_there_is_none(tmp_path: Path) -> None:
    ended = run_without_landlock(
        "worker.main", K8S_MCP_SANDBOX="require", K8S_MCP_WORK_DIRECTORY=str(tmp_path), HOME=str(tmp_path)
    )

    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert line.startswith("no sandbox: this system has no Landlock")
    assert "K8S_MCP_SANDBOX=prefer" in line
    assert ended.stdout == ""
    assert list(tmp_path.iterdir()) == []


@needs_seccomp
@pytest.mark.parametrize(("mode", "exit_code"), [("require", 1), ("prefer", 0)])
def test_doctor_says_that_there_is_no_sandbox(tmp_path: Path, mode: str, exit_code: int) -> None:
    ended = run_without_landlock("cli.main", "doctor", K8S_MCP_SANDBOX=mode, HOME=str(tmp_path), K8S_MCP_PORT="0")

    assert "no sandbox: this system has no Landlock" in ended.stdout
    assert ended.returncode == exit_code, ended.stdout


@needs_seccomp
async def test_worker_without_a_sandbox_announces_that(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    with Product(redis_url, tmp_path) as product:
        product.launch("worker", [*WITHOUT_LANDLOCK, "tests.support.stub", "worker"])
        announced = await announcement_of(redis)

    assert announced.startswith("no sandbox: ")


async def test_worker_announces_what_contains_its_commands(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    with Product(redis_url, tmp_path) as product:
        await product.worker()
        announced = await announcement_of(redis)

    assert announced == str(containment.of_this_machine())


async def announcement_of(redis: Redis) -> str:
    workers = WorkerRegistry(redis)

    async def is_announced() -> bool:
        return bool(await workers.living())

    await wait_until(is_announced, timeout_s=TIMEOUT_S)
    [worker] = await workers.living()
    return worker.sandbox
