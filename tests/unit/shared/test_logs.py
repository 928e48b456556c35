import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import structlog

from shared import logs


@pytest.fixture(autouse=True)
def _logging_is_restored() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers, root.level, {name: logging.getLogger(name).level for name in logs.HEARD}
    yield
    root.handlers, level, levels = before
    root.setLevel(level)
    for name, quiet_level in levels.items():
        logging.getLogger(name).setLevel(quiet_level)
    structlog.reset_defaults()


Capture = pytest.CaptureFixture[str]


def lines(output: Capture) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.readouterr().err.splitlines()]


def test_event_is_one_line_of_json_with_its_fields(capsys: Capture) -> None:
    logs.configure("info")

    structlog.get_logger().info("job finished", state="succeeded", duration_s=1.5)

    [line] = lines(capsys)
    assert datetime.fromisoformat(str(line.pop("timestamp"))).utcoffset() == timedelta(0)
    assert line == {"event": "job finished", "level": "info", "state": "succeeded", "duration_s": 1.5}


async def test_line_carries_what_it_is_about_as_far_as_that_is_known(capsys: Capture) -> None:
    logs.configure("info")

    async def request(trace_id: str) -> None:
        logs.begin(trace_id=trace_id)
        await asyncio.create_task(learn(f"job of {trace_id}"))
        structlog.get_logger().info("request finished")
        logging.getLogger("uvicorn.error").info("connection closed")

    async def learn(job_id: str) -> None:
        logs.add(job_id=job_id)

    await asyncio.gather(asyncio.create_task(request("1")), asyncio.create_task(request("2")))
    structlog.get_logger().info("idle")

    about = [(line.get("trace_id"), line.get("job_id")) for line in lines(capsys)]
    assert about == [("1", "job of 1")] * 2 + [("2", "job of 2")] * 2 + [(None, None)]


def test_nothing_is_added_where_nothing_has_begun(capsys: Capture) -> None:
    logs.configure("info")

    logs.add(job_id="1")
    structlog.get_logger().info("idle")

    assert "job_id" not in lines(capsys)[0]


def test_events_below_the_level_are_dropped(capsys: Capture) -> None:
    logs.configure("warning")

    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")

    assert [line["event"] for line in lines(capsys)] == ["loud"]


@pytest.mark.parametrize("level", ["debug", "info"])
@pytest.mark.parametrize("name", ["arq.worker", "sse_starlette.sse", "mcp.server", "httpx", "whatever.comes"])
def test_library_that_may_print_arguments_is_heard_from_warnings_on(capsys: Capture, name: str, level: str) -> None:
    logs.configure(level)

    logging.getLogger(name).info("arguments")
    logging.getLogger(name).warning("trouble with %s", "something")

    assert [line["event"] for line in lines(capsys)] == ["trouble with something"]


def test_exception_is_one_line_with_its_traceback(capsys: Capture) -> None:
    logs.configure("info")

    try:
        raise RuntimeError("broken")
    except RuntimeError:
        structlog.get_logger().exception("job failed")
        logging.getLogger("library").exception("library failed")

    assert ["RuntimeError: broken" in str(line["exception"]) for line in lines(capsys)] == [True, True]


def test_configuring_twice_prints_once(capsys: Capture) -> None:
    logs.configure("info")
    logs.configure("info")

    structlog.get_logger().info("once")

    assert len(lines(capsys)) == 1
