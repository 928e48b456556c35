"""The master key is exchanged in its file while gateways and a worker run, and callers never notice."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared.models import CommandResponse, JobState
from shared.sealing.fernet_keys import MasterKeys
from shared.store import key_names
from tests.integration.faults.scene import Scene
from tests.support.caller import Caller, caller_of, encoded
from tests.support.product import Process, Product
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "master-keys"
    path.write_text(f"{MasterKeys.generate()}\n")
    return path


@pytest.fixture
async def product(own_valkey: Valkey, tmp_path: Path, key_file: Path) -> AsyncIterator[Product]:
    settings = {"K8S_MCP_MASTER_KEYS": "", "K8S_MCP_MASTER_KEYS_FILE": str(key_file)}
    with Product(own_valkey.url, tmp_path, settings=settings) as product:
        yield product


@dataclass
class Traffic:
    """Commands that follow each other, at one gateway after the other."""

    callers: list[Caller]
    responses: list[CommandResponse] = field(default_factory=list)

    async def run(self) -> None:
        while True:
            for caller in self.callers:
                self.responses.append(await caller.run("stub", "write ok"))

    async def goes_on(self, flowing: "asyncio.Task[None]") -> None:
        """Until commands have run that began after this call; raises what ended the traffic."""
        enough = len(self.responses) + 2 * len(self.callers)
        await wait_until(lambda: len(self.responses) >= enough or flowing.done(), timeout_s=120)
        if flowing.done():
            flowing.result()


def content(path: Path) -> str:
    return path.read_text().strip()


def damage(path: Path) -> None:
    path.write_text("damaged")


async def rotate(product: Product, step: str, *options: str) -> str:
    """What the command says; it must succeed."""
    process = product.launch("rotate", [sys.executable, "-m", "cli.main", "key", "rotate", step, *options])
    await wait_until(lambda: not process.is_running, timeout_s=60)
    assert process.stop() == 0, process.output()
    return process.output()


async def once(*callers: Caller) -> set[str]:
    """The ids that a request which each of them sends again gets: one, if it runs once."""
    headers = {"Idempotency-Key": "install-web", "X-Kubeconfig": encoded(callers[0].kubeconfig)}
    body = {"tool": "stub", "command": "write ok"}
    answers = [await caller.http.post("/jobs", json=body, headers=headers) for caller in callers]
    return {answer.json()["id"] for answer in answers}


async def is_marked_by(scene: Scene, key: str) -> bool:
    """Whether gateways' mark is sealed by it: what comes before the last step, where nobody waits for hours."""
    mark = await scene.redis.get(key_names.KEY_MARK)
    return mark is not None and MasterKeys([key]).opens_mark(mark)


async def have_reloaded(processes: list[Process], times: int) -> None:
    await wait_until(
        lambda: all(process.output().count('"master keys reloaded"') == times for process in processes), timeout_s=60
    )


async def test_no_command_fails_while_the_master_key_is_exchanged(scene: Scene, mark: str, key_file: Path) -> None:
    product = scene.product
    await product.worker()
    other_url = await product.gateway()
    processes = list(product.processes)
    old_key = content(key_file)
    async with caller_of(other_url, scene.counting.kubeconfig) as other:
        traffic = Traffic([scene.caller, other])
        flowing = asyncio.create_task(traffic.run(), name="traffic")
        request = await once(scene.caller, other)
        by_old_key = await scene.holding("write", mark)

        assert "prepared" in await rotate(product, "prepare")
        await have_reloaded(processes, 1)
        assert await once(scene.caller, other) == request
        await traffic.goes_on(flowing)
        assert "switched" in await rotate(product, "switch", "--at-once")
        await have_reloaded(processes, 2)
        await wait_until(lambda: is_marked_by(scene, content(key_file).split(",")[0]), timeout_s=60)
        await traffic.goes_on(flowing)
        assert await once(scene.caller, other) == request
        by_new_key = await scene.holding("write", f"{mark}-2")
        scene.counting.release(mark)
        assert (await scene.ended(by_old_key)).state is JobState.SUCCEEDED
        assert (await other.ended(by_old_key)).output == "started\nended\n"

        assert "finished" in await rotate(product, "finish", "--at-once")
        await have_reloaded(processes, 3)
        await traffic.goes_on(flowing)
        scene.counting.release(f"{mark}-2")
        ended = await scene.ended(by_new_key)
        flowing.cancel()
        await asyncio.gather(flowing, return_exceptions=True)

    assert ended.output == "started\nended\n"
    assert {response.state for response in traffic.responses} == {JobState.SUCCEEDED}
    assert old_key not in content(key_file)
    async with caller_of(await product.gateway(), scene.counting.kubeconfig) as started_since:
        assert (await started_since.ended(by_new_key)).output == ended.output


async def test_file_that_is_damaged_changes_nothing(scene: Scene, key_file: Path) -> None:
    worker = await scene.product.worker()
    processes = [scene.product.processes[0], worker]

    damage(key_file)
    await wait_until(lambda: all("master keys not reloaded" in process.output() for process in processes))

    assert (await scene.caller.run("stub", "read ok")).output == "ok\n"
    assert not any("damaged" in process.output() for process in processes)
