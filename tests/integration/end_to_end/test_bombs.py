"""Commands that take too much memory, disk or output, beside honest ones: they end alone."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from shared.models import JobState
from tests.integration.end_to_end.system import System, needs_landlock, needs_proc, start
from tests.support.api_server import ApiServer
from tests.support.caller import Caller, caller_of
from tests.support.product import Product
from tests.support.valkey import long_lived

pytestmark = [needs_landlock, needs_proc]

MEGABYTE = 1024 * 1024
MEMORY_BYTES = 256 * MEGABYTE
FILE_BYTES = 4 * MEGABYTE
LOCAL_OUTPUT_BYTES = MEGABYTE
HONEST = 6
ANSWER_S = 60.0
CHART = {"Chart.yaml": "apiVersion: v2\nname: bomb\nversion: 0.1.0\n"}
MEMORY_BOMB = {**CHART, "templates/bomb.yaml": '{{ repeat 1073741824 "a" | len }}'}
OUTPUT_BOMB = (
    "version --client | awk 'BEGIN{for(i=0;i<20000;i++){for(j=0;j<20;j++)printf \"it says nothing \";print i}}'"
)
DISK_BOMB = "version --client | awk 'BEGIN{for(i=0;i<900000;i++)print i, \"something to sort\"}' | sort -S 1M -r"


@pytest.fixture(scope="module")
def bombed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One gateway and one worker with small limits."""
    with long_lived() as valkey, Product(valkey.url, tmp_path_factory.mktemp("bombed")) as product:
        yield start(
            product,
            gateways=1,
            workers=1,
            K8S_MCP_JOB_MEMORY_BYTES=str(MEMORY_BYTES),
            K8S_MCP_JOB_FILE_BYTES=str(FILE_BYTES),
            K8S_MCP_LOCAL_OUTPUT_BYTES=str(LOCAL_OUTPUT_BYTES),
            K8S_MCP_KILL_GRACE_S="0.5",
        )


@pytest.fixture
async def victim(bombed: System, api_server: ApiServer) -> AsyncIterator[Caller]:
    async with caller_of(bombed.url, api_server.kubeconfig()) as client:
        yield client


async def test_three_bombs_end_and_nothing_else_does(victim: Caller, bombed: System) -> None:
    async with asyncio.TaskGroup() as group:
        memory = group.create_task(victim.run("helm", "template .", files=MEMORY_BOMB))
        output = group.create_task(victim.run("kubectl", OUTPUT_BOMB))
        disk = group.create_task(victim.run("kubectl", DISK_BOMB))
        honest = [group.create_task(victim.run("kubectl", "get pods")) for _ in range(HONEST)]

    assert memory.result().state is JobState.FAILED
    assert f"more than {MEMORY_BYTES} bytes of memory" in f"{memory.result().error}"
    assert "K8S_MCP_JOB_MEMORY_BYTES" in f"{memory.result().hint}"
    assert disk.result().state is JobState.FAILED
    assert output.result().truncated
    assert [each.result().state for each in honest] == [JobState.SUCCEEDED] * HONEST
    assert all(process.is_running for process in bombed.product.processes)
    assert (await victim.run("helm", "template .", files=CHART | {"templates/x.yaml": "a: b"})).success


async def test_output_of_a_command_without_a_cluster_takes_little_of_redis(victim: Caller, bombed: System) -> None:
    response = await victim.run("kubectl", OUTPUT_BOMB)

    async with Redis.from_url(bombed.product.redis_url) as redis:
        events = await redis.xrange(f"mcp-k8s:events:{response.job_id}")
    assert response.truncated
    assert sum(len(fields[b"event"]) for _, fields in events) < 2 * LOCAL_OUTPUT_BYTES
