"""A command that fills the disk with many files, each small enough."""

import asyncio
from pathlib import Path

import pytest

from tests.support.waiting import wait_until
from worker.job_control import JobControl, StopKind
from worker.run import disk_watch

LIMIT_BYTES = 1_000_000


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_watch, "INTERVAL_S", 0.01)


async def test_files_that_are_too_many_together_stop_the_command(tmp_path: Path) -> None:
    control = JobControl()
    async with disk_watch.watching(tmp_path, LIMIT_BYTES, control):
        for number in range(3):
            folder = tmp_path / str(number)
            folder.mkdir()
            (folder / "spilled").write_bytes(b"x" * (LIMIT_BYTES // 2))
        await asyncio.wait({control.stopped})

    assert control.stop is not None
    assert control.stop.kind is StopKind.FAILED
    assert "1000000 bytes" in control.stop.reason


async def test_what_fits_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    def used_bytes(directory: Path) -> int:
        looks.append(directory)
        return LIMIT_BYTES

    monkeypatch.setattr(disk_watch, "used_bytes", used_bytes)
    control = JobControl()
    async with disk_watch.watching(tmp_path, LIMIT_BYTES, control):
        await wait_until(lambda: len(looks) > 1)

    assert control.stop is None


def test_links_do_not_count_what_they_lead_to(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"x" * LIMIT_BYTES)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(tmp_path / "outside")

    assert disk_watch.used_bytes(inside) < LIMIT_BYTES
