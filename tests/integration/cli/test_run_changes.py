"""`mcp-k8s run` says last what the command has changed. A hand plays the worker, so that each state is exact."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.models import JobState
from shared.sealing.fernet_keys import MasterKeys
from shared.store import key_names
from tests.integration.cli.terminal import Terminal
from tests.support import changes, jobs, kubeconfigs
from tests.support.changes import change, done
from tests.support.hand_worker import HandWorker
from tests.support.product import Process, Product
from tests.support.waiting import wait_until

END_TIMEOUT_S = 60.0


@pytest.fixture
def master_key() -> str:
    return MasterKeys.generate()


async def queued(redis: Redis) -> str:
    """The id of the only job, once there is one."""
    found: list[str] = []

    async def is_there() -> bool:
        found[:] = [name.decode() async for name in redis.scan_iter(f"{key_names.JOB}*")]
        return bool(found)

    await wait_until(is_there, timeout_s=END_TIMEOUT_S)
    return found[0].removeprefix(key_names.JOB)


async def has_ended(process: Process) -> bool:
    return not process.is_running


@pytest.mark.parametrize("is_lost", [False, True])
async def test_last_lines_say_what_was_changed(
    terminal: Terminal, redis: Redis, redis_url: str, master_key: str, tmp_path: Path, *, is_lost: bool
) -> None:
    worker = HandWorker(redis, master_key)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(kubeconfigs.text())
    noted = (change(1), done(1), change(2))
    with Product(redis_url, tmp_path, entry="gateway.main", master_key=master_key) as product:
        url = await product.gateway()
        command = ("run", "--url", url, "--kubeconfig", str(kubeconfig), "kubectl", "delete", "pod", "web")
        process = terminal.run(*command)
        claim = await worker.claim(await queued(redis))
        await worker.write(claim, *map(changes.event, noted))
        if is_lost:
            await jobs.Jobs(redis).let_lease_end(claim.attempt.job_id)
            await worker.store.sweep(settle_leases=True)
        else:
            await worker.settle(claim, state=JobState.SUCCEEDED, changes=changes.told(*noted))
        await wait_until(lambda: has_ended(process), timeout_s=END_TIMEOUT_S)
    *before, last = process.output().splitlines()

    assert last == "1 created, 1 on its way"
    account = [
        "the API server has acknowledged: created Deployment shop/web-1",
        "on their way, and may have happened: create Deployment shop/web-2",
        "contact with the worker was lost",
    ]
    assert [line for line in before if not line.startswith("hint: ")] == (account if is_lost else [])
