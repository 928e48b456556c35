"""What a command has changed, in one line of its MCP result."""

import httpx
import pytest

from shared.models import JobState
from tests.integration.gateway import served
from tests.integration.gateway.mcp import mcp_caller
from tests.integration.gateway.mcp.mcp_caller import MODES
from tests.integration.gateway.served import Served
from tests.support import changes
from tests.support.changes import change, done
from tests.support.hand_worker import HandWorker

NOTED = (change(1), done(1), change(2))
SUMMARY = "Changes: 1 created, 1 on its way."


async def changing(client: httpx.AsyncClient, worker: HandWorker, *, ends: bool) -> str:
    """A job that has noted the changes."""
    job_id = await served.submitted(client, served.WRITE_COMMAND)
    claim = await worker.claim(job_id)
    await worker.write(claim, *map(changes.event, NOTED))
    if ends:
        await worker.settle(claim, state=JobState.TIMED_OUT, changes=changes.told(*NOTED))
    return job_id


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ends", [True, False])
async def test_result_sums_up_the_changes_in_one_line_without_listing_them(
    gateway: Served, client: httpx.AsyncClient, worker: HandWorker, *, ends: bool, mode: str
) -> None:
    job_id = await changing(client, worker, ends=ends)
    async with mcp_caller.connected(gateway.url, mode) as mcp:
        result = await mcp_caller.called(mcp, "get_job", {"job_id": job_id})

    text = mcp_caller.text(result)
    assert text["hint"].startswith(SUMMARY)
    assert text["hint"].count("Changes:") == 1
    assert "changes" not in text
    assert result.structured_content == text


async def test_list_of_tools_describes_no_list_of_changes(gateway: Served) -> None:
    async with mcp_caller.connected(gateway.url, MODES[0]) as mcp:
        listed = await mcp.list_tools()

    assert not [tool.name for tool in listed.tools if '"changes"' in str(tool.output_schema).replace("'", '"')]
