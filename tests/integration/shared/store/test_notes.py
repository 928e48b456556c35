"""Notes of changes: fenced, found by their number, and on a replica first, where there is one."""

from collections.abc import Iterator

import pytest
from redis.asyncio import Redis

from shared.models import JobState
from shared.store import scripts
from shared.store.attempts import Attempt, SealedEvent
from shared.store.job_store import JobStore
from shared.store.scripts import NotAcknowledgedError
from tests.support import valkey_pair
from tests.support.jobs import Jobs, attempt_on, ending
from tests.support.valkey_pair import ValkeyPair


@pytest.fixture(scope="module")
def pair() -> Iterator[ValkeyPair]:
    with valkey_pair.running() as running:
        yield running


def notes(*numbers: int, first: int = 1) -> list[SealedEvent]:
    """Events with sequence numbers from `first` on, each about the change of that number."""
    return [SealedEvent(sequence, b"sealed", number) for sequence, number in enumerate(numbers, first)]


async def noted(store: JobStore, attempt: Attempt, events: list[SealedEvent]) -> bool:
    return await store.note(attempt, events, even_if_full=True)


async def test_changes_are_found_by_their_newest_event(jobs: Jobs, store: JobStore) -> None:
    attempt = await jobs.running()

    assert await noted(store, attempt, notes(1, 0, 2, 1, 10))
    assert await store.append(attempt, notes(3, 10, first=6))

    assert list((await store.changes(attempt.job_id)).items()) == [(1, 4), (2, 3), (3, 6), (10, 7)]
    assert [event.sequence for event in await store.events_at(attempt.job_id, [4, 3, 99])] == [4, 3]


async def test_note_sent_again_changes_nothing(jobs: Jobs, store: JobStore) -> None:
    attempt = await jobs.running()
    for _ in range(2):
        assert await noted(store, attempt, notes(1, 1))

    assert await store.changes(attempt.job_id) == {1: 2}
    assert len(await store.events(attempt.job_id)) == 2


async def test_other_attempt_notes_nothing(jobs: Jobs, store: JobStore) -> None:
    attempt = await jobs.running()

    assert not await noted(store, attempt_on(attempt.job_id), notes(1))
    assert await store.settle(attempt, ending(JobState.CANCELLED))
    assert not await noted(store, attempt, notes(1))
    assert await store.changes(attempt.job_id) == {}


async def test_note_is_on_the_replica_when_it_is_told(pair: ValkeyPair) -> None:
    async with Redis.from_url(pair.primary.url) as primary, Redis.from_url(pair.replica.url) as replica:
        jobs = Jobs(primary)
        attempt = await jobs.running()

        assert await noted(jobs.store, attempt, notes(1))

        assert await JobStore(replica).changes(attempt.job_id) == {1: 1}


async def test_note_that_no_replica_has_is_none_however_often_it_is_sent(
    pair: ValkeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts, "ACKNOWLEDGED_IN_MS", 50)
    async with Redis.from_url(pair.primary.url) as primary:
        jobs = Jobs(primary)
        attempt = await jobs.running()
        await noted(jobs.store, attempt, notes(1))
        pair.replica.pause()
        try:
            for _ in range(2):
                with pytest.raises(NotAcknowledgedError):
                    await noted(jobs.store, attempt, notes(1, 2))
        finally:
            pair.connect()

        assert await noted(jobs.store, attempt, notes(1, 2))
