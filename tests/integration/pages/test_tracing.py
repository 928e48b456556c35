"""The commands of docs/tracing.md, executed as they stand there."""

import shlex
from pathlib import Path

from tests.integration.cli.terminal import Terminal
from tests.support import cli, readme
from tests.support.api_server import ApiServer
from tests.support.collector import collecting
from tests.support.waiting import wait_until

PAGE = Path("docs/tracing.md")
SPANS = {"POST /tools/kubectl", "submit", "queue wait", "run", "process"}


async def test_documented_call_is_traced_to_the_named_collector(api_server: ApiServer, tmp_path: Path) -> None:
    start, request = readme.blocks("sh", PAGE)
    assignment, *command = shlex.split(start)
    variable, _, _ = assignment.partition("=")
    trace_id = request.partition("traceparent: 00-")[2].partition("-")[0]

    with collecting() as collector, Terminal() as terminal:
        _, url = terminal.up(**{variable: collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"})
        answer = readme.run(
            request, url=url, kubeconfig=api_server.kubeconfig(), kubectl=cli.find("kubectl"), directory=tmp_path
        )
        await wait_until(lambda: collector.trace(trace_id).keys() == SPANS)

    assert command == ["make", "run"]  # which is `mcp-k8s up`
    assert answer["success"]


def test_table_lists_the_spans_that_there_are() -> None:
    assert all(f"| `{name}`" in PAGE.read_text() for name in SPANS)
