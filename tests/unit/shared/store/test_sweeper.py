import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.store import sweeper
from shared.store.job_store import JobStore, Sweep
from shared.store.sweeper import CONTACT_MS, LONGEST_GAP_MS, Contact, Sweeper

START_MS = 1_700_000_000_000
STEP_MS = 1_000
SERVER = "a server"


def contact_seen(*moments_ms: int) -> Contact:
    contact = Contact()
    for moment_ms in moments_ms:
        contact.seen(moment_ms, SERVER)
    return contact


def seen_for(duration_ms: int, *, start_ms: int = START_MS) -> list[int]:
    return list(range(start_ms, start_ms + duration_ms + 1, STEP_MS))


def test_contact_is_not_trusted_at_first() -> None:
    assert not Contact().is_trusted
    assert not contact_seen(START_MS).is_trusted


def test_unbroken_contact_is_trusted_after_its_time() -> None:
    assert not contact_seen(*seen_for(CONTACT_MS - STEP_MS)).is_trusted
    assert contact_seen(*seen_for(CONTACT_MS)).is_trusted
    assert contact_seen(*seen_for(10 * CONTACT_MS)).is_trusted


def test_broken_contact_begins_anew() -> None:
    contact = contact_seen(*seen_for(CONTACT_MS))

    contact.broken()
    assert not contact.is_trusted

    later_ms = START_MS + CONTACT_MS + STEP_MS
    for moment_ms in seen_for(CONTACT_MS - STEP_MS, start_ms=later_ms):
        contact.seen(moment_ms, SERVER)
        assert not contact.is_trusted
    contact.seen(later_ms + CONTACT_MS, SERVER)
    assert contact.is_trusted


@pytest.mark.parametrize("jump_ms", [LONGEST_GAP_MS + 1, 3_600_000, -1, -3_600_000])
def test_jump_of_redis_clock_breaks_contact(jump_ms: int) -> None:
    moments = seen_for(CONTACT_MS)

    assert not contact_seen(*moments, moments[-1] + jump_ms).is_trusted


@pytest.mark.parametrize("gap_ms", [0, LONGEST_GAP_MS])
def test_short_gap_does_not_break_contact(gap_ms: int) -> None:
    moments = seen_for(CONTACT_MS)

    assert contact_seen(*moments, moments[-1] + gap_ms).is_trusted


def test_another_server_breaks_contact() -> None:
    """It may lack the latest renewals."""
    moments = seen_for(CONTACT_MS)
    contact = contact_seen(*moments)

    contact.seen(moments[-1] + STEP_MS, "another server")
    assert not contact.is_trusted

    for moment_ms in seen_for(CONTACT_MS, start_ms=moments[-1] + STEP_MS):
        contact.seen(moment_ms, "another server")
    assert contact.is_trusted


@pytest.mark.parametrize(("after", "is_trusted"), [(SERVER, True), ("another server", False)])
def test_server_that_had_no_jobs_is_compared_when_it_has_some(after: str, is_trusted: bool) -> None:
    moments = seen_for(CONTACT_MS)
    contact = contact_seen(*moments)

    contact.seen(moments[-1] + STEP_MS, "")
    assert contact.is_trusted
    contact.seen(moments[-1] + 2 * STEP_MS, after)

    assert contact.is_trusted is is_trusted


def test_trust_ends_with_the_longest_gap() -> None:
    assert contact_seen(START_MS).trusted_until_ms == START_MS + LONGEST_GAP_MS


class ScriptedStore(JobStore):
    """Answers as told: a moment in Redis' time, or an error. Remembers what each sweep was allowed to do."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[bool, int]] = []

    async def sweep(self, *, settle_leases: bool, not_after_ms: int = 0) -> Sweep:
        self.asked.append((settle_leases, not_after_ms))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Sweep(answer, SERVER, expired=0, lost=0, again=0)


async def swept(store: ScriptedStore) -> list[bool]:
    """Sweeps through all answers; whether each pass was allowed to settle leases."""
    passes = Sweeper(store)
    while store.answers:
        await passes.sweep()
    return [settle_leases for settle_leases, _ in store.asked]


async def test_leases_are_settled_only_after_unbroken_contact() -> None:
    moments = seen_for(CONTACT_MS + STEP_MS)

    assert await swept(ScriptedStore(*moments)) == [False] * (len(moments) - 1) + [True]


@pytest.mark.parametrize("error", [RedisConnectionError(), OSError(), TimeoutError()], ids=repr)
async def test_outage_withdraws_the_right_to_settle(error: Exception) -> None:
    moments = seen_for(CONTACT_MS)
    store = ScriptedStore(*moments, error, moments[-1] + STEP_MS, moments[-1] + 2 * STEP_MS)

    assert (await swept(store))[-3:] == [True, False, False]


async def test_settling_pass_must_reach_redis_before_contact_ends() -> None:
    moments = seen_for(CONTACT_MS)
    store = ScriptedStore(*moments, moments[-1] + STEP_MS)

    await swept(store)

    assert store.asked[-1] == (True, moments[-1] + LONGEST_GAP_MS)


async def test_failed_sweep_is_none() -> None:
    assert await Sweeper(ScriptedStore(RedisConnectionError())).sweep() is None


async def test_sweeper_goes_on_through_outages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "SWEEP_INTERVAL_S", 0)
    store = ScriptedStore(START_MS, OSError(), START_MS, ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        await Sweeper(store).run()

    assert len(store.asked) == 4
