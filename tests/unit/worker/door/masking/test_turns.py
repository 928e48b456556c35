"""Answers that are masked at the same time, and what else the door does."""

import asyncio
import time

from worker.door.masking.turns import MOST_TURN_S, Turns


async def test_everybody_else_goes_on_after_each_long_piece_of_work() -> None:
    turns, seen = Turns(), [0]

    async def others() -> None:
        while True:
            seen[0] += 1
            await asyncio.sleep(0)

    def work() -> int:
        time.sleep(2 * MOST_TURN_S)
        return seen[0]

    waiting = asyncio.create_task(others())
    done = await asyncio.gather(*(turns.take(work) for _ in range(5)))
    waiting.cancel()
    assert len(set(done)) == 5
