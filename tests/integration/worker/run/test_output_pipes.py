"""How pipes are read and written: whose descriptor it is, and who closes it."""

import asyncio
import errno
import os
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from worker.run import streams


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_descriptor_is_closed_and_by_one_alone(
    new_loop: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed twice, it could be another job's by then: numbers are given out again at once, to other threads too."""
    files: list[Any] = []
    open_file = os.fdopen

    def remember(*arguments: Any, **options: Any) -> Any:
        files.append(open_file(*arguments, **options))
        return files[-1]

    async def passed_on() -> list[bytes]:
        chunks: list[bytes] = []
        await streams.write(writing, b"output")
        await streams.read(reading, chunks.append)
        await asyncio.sleep(0)
        return chunks

    monkeypatch.setattr(os, "fdopen", remember)
    reading, writing = os.pipe()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(passed_on()) == [b"output"]
        loop_closes = isinstance(runner.get_loop(), uvloop.Loop)

    assert [file.closefd for file in files] == [not loop_closes], "reading needs no file"
    for descriptor in (reading, writing):
        with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
            os.fstat(descriptor)
