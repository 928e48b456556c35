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


def test_bound_fields_are_in_every_line(capsys: Capture) -> None:
    logs.configure("info")

    with structlog.contextvars.bound_contextvars(job_id="1"):
        structlog.get_logger().info("job claimed")
    structlog.get_logger().info("idle")

    assert [line.get("job_id") for line in lines(capsys)] == ["1", None]


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
