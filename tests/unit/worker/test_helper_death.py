"""How the end of a helper process reads."""

import asyncio

import pytest

from worker import helper_death


class Helper:
    """One that ends with a code, or never tells how it ended."""

    def __init__(self, code: int | None) -> None:
        self.gone = asyncio.Event()
        self._code = code

    async def return_code(self) -> int:
        if self._code is None:
            await asyncio.Event().wait()
        assert self._code is not None
        return self._code


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-9, "was ended by signal 9 (SIGKILL)"),
        (-64, "was ended by signal 64 (SIGRTMAX)"),
        (-99, "was ended by signal 99"),
        (1, "ended with exit code 1"),
        (None, "does not answer any more"),
    ],
)
async def test_first_helper_that_dies_is_named_with_its_end(
    monkeypatch: pytest.MonkeyPatch, code: int | None, words: str
) -> None:
    monkeypatch.setattr(helper_death, "EXIT_TIMEOUT_S", 0.01)
    door, launcher = Helper(code), Helper(0)
    door.gone.set()

    death = await helper_death.first({"launcher": launcher, "door": door}, asyncio.Event())

    assert death == f"the worker's door, the process through which commands reach their API servers, {words}"


async def test_stop_is_no_death() -> None:
    stop = asyncio.Event()
    stop.set()

    assert await helper_death.first({"door": Helper(0)}, stop) is None
