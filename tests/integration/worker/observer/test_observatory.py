"""Looks at what a command waits for, as real processes of a real launcher."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from shared.events import EventKind
from shared.sealing.envelope import Command
from shared.tools.progress_looks import Goal, Look, ProgressLooks, Shows
from tests.support import kubeconfigs, stub
from tests.support.counting import CountingServer, counting_server
from tests.support.waiting import wait_until
from worker.launcher.client import Launcher
from worker.machine.tool_binaries import ToolBinary
from worker.observer.observatory import Observatory
from worker.observer.silence import Pace
from worker.observer.summary import NOT_TO_BE_SEEN
from worker.run.command_plan import PlanSettings

PACE = Pace(silence_s=0.05, shortest_s=0.05, longest_s=0.05, rest_factor=0)
PLAN = PlanSettings(sandboxed=False, allow_loopback=True, job_file_bytes=1_000_000, go_memory_limit="200MiB")


@dataclass
class Post:
    """A worker's observatory, and what it tells of commands."""

    launcher: Launcher
    tools: Path
    work: Path
    told: list[str] = field(default_factory=list)
    printed: list[bytes] = field(default_factory=list)

    @asynccontextmanager
    async def observed(self, *look: str, tool: str = "stub", pace: Pace = PACE) -> AsyncIterator[None]:
        """A silent command that is looked at with that command of the tool."""
        binaries = {"stub": ToolBinary(stub.STUB, self.tools / "stub")}
        observatory = Observatory(self.launcher, binaries, PLAN, self.work, pace)
        command = Command(tool="stub", arguments=("write", "wait"), verb=("write",), kubeconfig=kubeconfigs.text())
        looks = ProgressLooks((Look(tool, look[:1], look, Shows.OBJECTS),), Goal.READY)
        async with observatory.observed(command, looks, sink=self._take, tell=self.told.append):
            yield

    def _take(self, _: EventKind, data: bytes) -> None:
        self.printed.append(data)


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    work = tmp_path / "work"
    work.mkdir()
    launcher = await Launcher.start(work)
    yield Post(launcher, stub.install(tmp_path), work)
    assert list(work.iterdir()) == []
    await launcher.close()


@pytest.fixture
async def counting() -> AsyncIterator[CountingServer]:
    async with counting_server() as server:
        yield server


def pod(phase: str) -> str:
    return json.dumps({"kind": "Pod", "metadata": {"name": "web"}, "status": {"phase": phase}})


async def test_what_is_seen_is_told_when_it_changes_and_is_none_of_the_output(post: Post, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.write_text(pod("Pending"))
    async with post.observed("read", "read-file", str(seen)):
        await wait_until(lambda: post.told == ["0/1 ready; web: Pending"], timeout_s=20)
        (tmp_path / "next").write_text(pod("Succeeded"))
        (tmp_path / "next").rename(seen)
        await wait_until(lambda: post.told[1:] == ["1/1 ready"], timeout_s=20)
    assert post.printed == []


async def test_look_ends_with_its_command(post: Post, counting: CountingServer) -> None:
    async with post.observed(*counting.command("read", "look", "hold").split()):
        await counting.started("look")
    await counting.gone("look")
    assert counting.ends["look"] == 0
    assert post.told == []


async def test_look_that_shows_nothing_is_tried_again_and_nothing_is_told(post: Post, counting: CountingServer) -> None:
    async with post.observed(*counting.command("read", "look").split()):
        await counting.started("look", times=3)
    assert post.told == []


async def test_forbidden_look_is_told_once_and_ends_the_looking(post: Post) -> None:
    async with post.observed("read", "forbid"):
        await wait_until(lambda: not any(task.get_name() == "observe" for task in asyncio.all_tasks()), timeout_s=20)
        assert post.told == [NOT_TO_BE_SEEN]


async def test_command_that_has_not_been_silent_for_long_is_not_looked_at(post: Post) -> None:
    async with post.observed("read", "forbid", pace=replace(PACE, silence_s=3_600)):
        await asyncio.sleep(0)
    assert post.told == []


async def test_command_is_not_looked_at_with_a_tool_that_the_worker_lacks(post: Post) -> None:
    async with post.observed("read", "forbid", tool="kubectl"):
        assert not any(task.get_name() == "observe" for task in asyncio.all_tasks())
    assert post.told == []
