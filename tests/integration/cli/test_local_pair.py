"""Bridges without `--url`: gateway and worker that they start themselves, once for all, and that end with the last."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from cli.up import state_directory
from tests.integration.cli.family import Family
from tests.support.bridge import Bridge
from tests.support.mcp_caller import call
from tests.support.waiting import wait_until

END_TIMEOUT_S = 60.0
COMMAND = "version --client"

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc"),
    pytest.mark.timeout(240),
]


@pytest.fixture
def bridge(tmp_path: Path) -> Bridge:
    return Bridge(tmp_path)


def pairs(bridge: Bridge) -> list[int]:
    """Process ids of what bridges of this home have started in the background."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if "--for-bridges" in line and str(bridge.directory) in line:
            found.append(int(path.parent.name))
    return found


async def test_bridges_at_once_share_a_pair_that_ends_with_the_last_of_them(bridge: Bridge) -> None:
    async def use(has_called: asyncio.Event, leave: asyncio.Event) -> None:
        async with bridge.client() as client:
            assert (await call(client, "kubectl", command=COMMAND)).success
            has_called.set()
            await leave.wait()

    first, second, leave_first, leave_second = (asyncio.Event() for _ in range(4))
    async with asyncio.TaskGroup() as group:
        leaving = group.create_task(use(first, leave_first))
        group.create_task(use(second, leave_second))
        await asyncio.wait_for(asyncio.gather(first.wait(), second.wait()), 2 * END_TIMEOUT_S)
        [pair] = pairs(bridge)
        leave_first.set()
        await leaving
        assert pairs(bridge) == [pair]
        with Family(pair) as family:
            leave_second.set()
            assert await asyncio.to_thread(family.survivors, timeout_s=END_TIMEOUT_S) == []
    await wait_until(lambda: not pairs(bridge), timeout_s=END_TIMEOUT_S)

    [told] = bridge.errors.splitlines()
    assert "starting a gateway and a worker" in told


async def test_pair_that_died_is_started_anew_with_the_next_call(bridge: Bridge) -> None:
    async with bridge.client() as client:
        assert (await call(client, "kubectl", command=COMMAND)).success
        [pair] = pairs(bridge)
        with Family(pair) as family:
            os.kill(pair, signal.SIGKILL)
            assert await asyncio.to_thread(family.survivors, timeout_s=END_TIMEOUT_S) == []

        assert (await call(client, "kubectl", command=COMMAND)).success
        assert pairs(bridge) != [pair]
    await wait_until(lambda: not pairs(bridge), timeout_s=END_TIMEOUT_S)


async def test_start_that_fails_is_told_with_its_reason(bridge: Bridge) -> None:
    parameters = bridge.parameters(K8S_MCP_TIMEOUT="never")
    process = await asyncio.create_subprocess_exec(
        parameters.command,
        *parameters.args,
        env=parameters.env or {},
        cwd=parameters.cwd,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(END_TIMEOUT_S):
        output, errors = await process.communicate()

    assert (process.returncode, output) == (1, b"")
    assert b"K8S_MCP_TIMEOUT" in errors
    folders = [path for path in bridge.directory.glob(".local/state/mcp-k8s/**") if path.is_dir()]
    assert folders
    assert not any(path.stat().st_mode & state_directory.FOR_OTHERS for path in folders), "`up` uses the first one too"
