"""The tour of `make demo` goes to its end, and shows what it says it shows."""

import os
import sys
from pathlib import Path

import pytest

from tests.support.product import PROJECT, Process
from tests.support.waiting import wait_until

TOUR_TIMEOUT_S = 150


@pytest.mark.usefixtures("tools")
async def test_tour_goes_to_its_end(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    process = Process("demo", [sys.executable, "-m", "tests.e2e.demo"], environment, tmp_path / "demo.log")
    await wait_until(lambda: not process.is_running, timeout_s=TOUR_TIMEOUT_S)
    said = process.output()
    assert process.stop() == 0, said
    for sight in ("successfully rolled out", "STATUS: deployed", "(lost, exit code -1", "hint: ", "400 "):
        assert sight in said, sight
