import io
import os
import signal
import sys

import pytest

from cli.up.supervisor import ChildSpec, any_set, supervising
from tests.support import processes

LIMIT_S = 10


def python(script: str, *, shows_output: bool = True) -> ChildSpec:
    return ChildSpec("child", [sys.executable, "-c", script], dict(os.environ), shows_output=shows_output)


async def test_death_is_noticed_and_explained_by_its_last_lines() -> None:
    output = io.BytesIO()
    async with supervising(output) as supervisor:
        child = await supervisor.start(python("for n in range(20): print(n)\nraise SystemExit(3)"))

        assert await any_set([supervisor.died], timeout_s=LIMIT_S)

    assert supervisor.dead is child
    assert child.explain() == "\n".join(["the child ended with exit code 3:", *(f"  {n}" for n in range(8, 20))])
    assert len(output.getvalue().splitlines()) == 20


async def test_last_words_after_a_log_are_the_reason() -> None:
    async with supervising(io.BytesIO()) as supervisor:
        child = await supervisor.start(python("print('{\"event\": 1}\\nwhy')\nraise SystemExit(1)"))

        assert await any_set([supervisor.died], timeout_s=LIMIT_S)

    assert child.explain() == 'the child ended with exit code 1: why:\n  {"event": 1}'


async def test_end_that_was_asked_for_is_no_death() -> None:
    async with supervising(io.BytesIO()) as supervisor:
        child = await supervisor.start(python("import signal; signal.pause()"))
        child.stop(signal.SIGKILL)

        assert await any_set([child.ended], timeout_s=LIMIT_S)

    assert supervisor.dead is None


async def test_what_still_runs_is_killed_at_the_end() -> None:
    async with supervising(io.BytesIO()) as supervisor:
        await supervisor.start(python("import signal; signal.signal(15, signal.SIG_IGN); signal.pause()"))

    assert not processes.left_behind()


@pytest.mark.parametrize(("text", "times"), [("no newline", 1), ("x", 200_000), ("a\nb", 1)])
async def test_output_is_passed_on_whole(text: str, times: int) -> None:
    output = io.BytesIO()
    async with supervising(output) as supervisor:
        await supervisor.start(python(f"import sys; sys.stdout.write({text!r} * {times})"))
        await any_set([supervisor.died], timeout_s=LIMIT_S)

    assert output.getvalue().decode() == text * times


async def test_hidden_output_is_kept_for_the_explanation() -> None:
    output = io.BytesIO()
    async with supervising(output) as supervisor:
        child = await supervisor.start(python("print('why')", shows_output=False))
        await any_set([supervisor.died], timeout_s=LIMIT_S)

    assert not output.getvalue()
    assert child.explain().endswith("  why")


async def test_closed_terminal_does_not_disturb() -> None:
    class Closed(io.BytesIO):
        def write(self, _: object) -> int:
            raise BrokenPipeError

    async with supervising(Closed()) as supervisor:
        child = await supervisor.start(python("print('x')"))

        assert await any_set([child.ended], timeout_s=LIMIT_S)


async def test_waiting_for_no_event_ends_with_its_time() -> None:
    async with supervising(io.BytesIO()) as supervisor:
        assert not await any_set([supervisor.died], timeout_s=0.01)
