"""A gateway opens the output of its own jobs with the keys that it made, and of others with the master keys."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.jobs import output_keys
from gateway.jobs.output_keys import OutputKeys
from shared.models import CommandClass, JobState, Lane
from shared.sealing.fernet_keys import JobIdentity, MasterKeys, Purpose, SealError
from shared.store.record import JobRecord
from tests.support.jobs import new_job_id

MASTER_KEY = MasterKeys.generate()


def record(identity: JobIdentity, output_key: bytes) -> JobRecord:
    now = datetime.now(UTC)
    return JobRecord(
        id=identity.job_id,
        principal=identity.principal,
        tool="kubectl",
        command_class=CommandClass.READ,
        lane=Lane.FAST,
        state=JobState.SUCCEEDED,
        created_at=now,
        queue_deadline=now,
        started_at=now,
        ended_at=now,
        time_limit_s=1.0,
        attempt=1,
        reason=None,
        cancel_reason=None,
        progress=0,
        output_key=output_key,
        request_key=None,
    )


def made(keys: OutputKeys) -> JobRecord:
    identity = JobIdentity(new_job_id(), "anonymous")
    return record(identity, keys.make(identity))


def test_every_gateway_opens_what_one_of_them_has_sealed() -> None:
    first, second = (OutputKeys(MasterKeys([MASTER_KEY])) for _ in range(2))
    job = made(first)

    sealed = first.of(job).seal(b"done", Purpose.RESPONSE)

    assert [keys.of(job).open(sealed, Purpose.RESPONSE) for keys in (first, second)] == [b"done", b"done"]


def test_key_that_was_moved_to_another_job_opens_nothing_there() -> None:
    """Neither where it is remembered nor elsewhere."""
    keys = OutputKeys(MasterKeys([MASTER_KEY]))
    mine, theirs = made(keys), made(keys)

    with pytest.raises(SealError):
        keys.of(replace(mine, output_key=theirs.output_key))


def test_oldest_keys_are_forgotten_but_still_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_keys, "REMEMBERED", 2)
    keys = OutputKeys(MasterKeys([MASTER_KEY]))
    jobs = [made(keys) for _ in range(4)]

    assert len(keys._remembered) == 2
    assert [keys.of(job).identity for job in jobs] == [job.identity for job in jobs]
