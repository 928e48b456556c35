"""What is recorded of a call that waits for a job and ends without its result."""

from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.background import Background
from gateway.jobs.delivery import ABANDONED, ClientGoneError, Delivery
from gateway.jobs.waiters import JobWaiters
from shared.models import JobId, JobState
from shared.store.job_store import Delivered, JobStore
from tests.support.jobs import new_job

JOINABLE: dict[str, Any] = {"repeatable": ("keyed-hash",)}
WITH_KEY: dict[str, Any] = {"fingerprint": "of the request"}


@dataclass
class Records:
    """In place of the store."""

    said: list[tuple[Delivered, str]] = field(default_factory=list)

    async def deliver(self, _: JobId, __: JobId | None, got: Delivered, *, reason: str = "") -> JobState | None:
        self.said.append((got, reason))
        return JobState.QUEUED


async def recorded(
    error: Exception | None, *, gives_up: bool = True, is_draining: bool = False, **job: Any
) -> list[tuple[Delivered, str]]:
    records, background = Records(), Background()
    waiters = cast("JobWaiters", SimpleNamespace(is_draining=is_draining))
    recipient = Delivery(cast("JobStore", records), waiters, background).recipient(new_job(**job), gives_up=gives_up)
    with suppress(ClientGoneError, ValueError), recipient.waiting():
        if error is not None:
            raise error
    await background.close()
    return records.said


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ({}, ABANDONED),
        (JOINABLE, ABANDONED),
        ({"gives_up": False}, None),
        ({"gives_up": False, **JOINABLE}, ""),
        (WITH_KEY, None),
        ({"is_draining": True, **JOINABLE}, None),
    ],
    ids=["alone", "may be joined", "goes on", "goes on and may be joined", "will be asked for again", "gateway stops"],
)
async def test_client_that_goes_leaves_its_job(call: dict[str, Any], reason: str | None) -> None:
    said = await recorded(ClientGoneError(), **call)

    assert said == ([] if reason is None else [(Delivered.NOTHING, reason)])


@pytest.mark.parametrize(("job", "count"), [(JOINABLE, 1), ({}, 0)], ids=["may be joined", "alone"])
async def test_call_that_fails_misses_the_result_and_gives_nothing_up(job: dict[str, Any], count: int) -> None:
    assert await recorded(ValueError(), **job) == [(Delivered.NOTHING, "")] * count


async def test_nothing_is_recorded_of_a_call_that_was_answered() -> None:
    assert await recorded(None, **JOINABLE) == []
