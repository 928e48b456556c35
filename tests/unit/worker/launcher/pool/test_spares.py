"""The store of waiting children: who gets one, and when more are asked for."""

import asyncio

import pytest

from tests.support.waiting import wait_until
from worker.launcher.channel import Channel, channel_pair
from worker.launcher.pool import spares
from worker.launcher.pool.spares import ForkError, LauncherGoneError, Spare, SparePool


class Launcher:
    """Counts what the pool asks for, and delivers when told."""

    def __init__(self, size: int = 2) -> None:
        self.requested = 0
        self.pool = SparePool(size, request=self._request)
        self._others: list[Channel] = []

    def _request(self, count: int) -> None:
        self.requested += count

    def deliver(self, *children: int) -> None:
        for child in children:
            ours, other = channel_pair()
            self._others.append(other)
            self.pool.add(Spare(child, pid=child + 1000, control=ours))

    def close(self) -> None:
        self.pool.close()
        for other in self._others:
            other.close()


async def test_full_pool_gives_the_oldest_at_once_and_asks_for_another_later() -> None:
    launcher = Launcher()
    launcher.pool.fill()
    launcher.deliver(1, 2)

    (spare,) = await launcher.pool.take(1)

    assert (spare.child, launcher.requested) == (1, 2)
    launcher.pool.fill()
    assert launcher.requested == 3
    launcher.close()
    spare.control.close()


async def test_empty_pool_is_refilled_while_the_commands_run_and_one_with_a_spare_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spares, "REFILL_EMPTY_AFTER_S", 0.001)
    launcher = Launcher()
    launcher.pool.fill()
    launcher.deliver(1, 2)
    monkeypatch.setattr(spares, "REFILL_AFTER_S", 3600)

    [first] = await launcher.pool.take(1)
    assert launcher.requested == 2
    [second] = await launcher.pool.take(1)
    await wait_until(lambda: launcher.requested == 4)

    launcher.close()
    for spare in (first, second):
        spare.control.close()


async def test_renewed_pool_gives_neither_what_waited_nor_what_was_on_its_way() -> None:
    launcher = Launcher()
    launcher.pool.fill()
    launcher.deliver(1)

    launcher.pool.renew()
    assert launcher.requested == 4
    taking = asyncio.create_task(launcher.pool.take(1), name="take")
    await asyncio.sleep(0)
    launcher.deliver(2, 3, 4)

    [spare] = await taking
    assert spare.child == 3
    launcher.close()
    spare.control.close()


async def test_who_finds_none_waits_in_turn() -> None:
    launcher = Launcher()
    async with asyncio.TaskGroup() as group:
        takers = [group.create_task(launcher.pool.take(1)) for _ in range(3)]
        await asyncio.sleep(0)
        assert launcher.requested == 3
        launcher.deliver(1, 2, 3)

    given = [taker.result()[0] for taker in takers]
    assert [spare.child for spare in given] == [1, 2, 3]
    launcher.close()
    for spare in given:
        spare.control.close()


async def test_cancelled_taker_gives_back_what_it_had() -> None:
    launcher = Launcher()
    launcher.deliver(1)
    async with asyncio.TaskGroup() as group:
        taker = group.create_task(launcher.pool.take(2))
        await asyncio.sleep(0)
        taker.cancel()

    (spare,) = await launcher.pool.take(1)
    assert spare.child == 1
    launcher.close()
    spare.control.close()


async def test_child_that_comes_together_with_the_cancel_is_kept() -> None:
    launcher = Launcher()
    async with asyncio.TaskGroup() as group:
        taker = group.create_task(launcher.pool.take(1))
        await asyncio.sleep(0)
        launcher.deliver(1)
        taker.cancel()

    (spare,) = await launcher.pool.take(1)
    assert spare.child == 1
    launcher.close()
    spare.control.close()


async def test_failed_fork_is_told_to_who_waits() -> None:
    launcher = Launcher()
    async with asyncio.TaskGroup() as group:
        taker = group.create_task(_error_of_take(launcher.pool))
        await asyncio.sleep(0)
        launcher.pool.fail("Resource temporarily unavailable")

    error = taker.result()
    assert isinstance(error, ForkError)
    assert str(error) == "Resource temporarily unavailable"
    launcher.close()


async def test_closed_pool_tells_who_waits() -> None:
    launcher = Launcher()
    async with asyncio.TaskGroup() as group:
        taker = group.create_task(_error_of_take(launcher.pool))
        await asyncio.sleep(0)
        launcher.close()

    assert isinstance(taker.result(), LauncherGoneError)


async def test_closed_pool_gives_nothing() -> None:
    launcher = Launcher()
    launcher.deliver(1)
    launcher.close()

    assert isinstance(await _error_of_take(launcher.pool), LauncherGoneError)
    with pytest.raises(LauncherGoneError):
        await launcher.pool.wait_until_full()


async def test_dead_spare_is_not_given() -> None:
    launcher = Launcher()
    launcher.deliver(1, 2)

    launcher.pool.forget(1)
    launcher.pool.forget(99)

    (spare,) = await launcher.pool.take(1)
    assert spare.child == 2
    launcher.close()
    spare.control.close()


async def _error_of_take(pool: SparePool) -> Exception:
    with pytest.raises((ForkError, LauncherGoneError)) as caught:
        await pool.take(1)
    return caught.value
