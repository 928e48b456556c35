"""Connects a command's stages by pipes, and decides which stage's exit counts, as a shell's `pipefail` does."""

import os
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from worker.launcher.client import Reservation, Stage
from worker.launcher.protocol import StageExit
from worker.run.command_plan import CommandPlan


class ToolEnd(Enum):
    """How the end of the first stage, the tool, is judged."""

    AS_ANY = "like the end of any other stage"
    MUST_FINISH = "the tool fails if a filter stopped reading before the tool had finished"
    EXCUSED = "the tool was ended on purpose, so only the filters count"


class Held(NamedTuple):
    """Descriptors between the first two stages: to read the first stage's output and to write the second's input."""

    printed: int
    passed_on: int


@dataclass(frozen=True, slots=True)
class Connected:
    """Stages that are ready to start, and the pipe ends that this process reads."""

    stages: tuple[Stage, ...]
    stdout: int
    """Standard output of the last stage."""
    stderr: tuple[int, ...]
    """Standard error of each stage."""
    held: Held | None = None
    """The descriptors between the first two stages, if this process changes the first stage's output."""

    def close(self) -> None:
        """Closes the ends that this process reads. The launcher's client owns the stages' ends."""
        for descriptor in (self.stdout, *self.stderr, *(self.held or ())):
            os.close(descriptor)


def connect(plan: CommandPlan) -> Connected:
    """Connects each stage's output to the next one's input, or to this process in between.

    Owns the plan's descriptors.
    """
    with ExitStack() as opened:
        opened.callback(plan.close)
        stages: list[Stage] = []
        outputs: list[int] = []
        errors: list[int] = []
        stdin, inherited = plan.stdin, plan.inherited
        if stdin is None and plan.reservation is None:
            stdin = _opened(opened, os.open(os.devnull, os.O_RDONLY))
        held = None
        for spec in (plan.spec, *plan.filters):
            output, error, ends = _pipes(opened, None if stages else plan.reservation)
            stages.append(Stage(spec, (stdin, *ends, *inherited)))
            outputs.append(output)
            errors.append(error)
            stdin, inherited = output, ()
            if plan.changes_output and held is None and plan.filters:
                stdin, passed_on = _pipe(opened)
                held = Held(output, passed_on)
        opened.pop_all()
    return Connected(tuple(stages), outputs[-1], tuple(errors), held)


def _pipes(opened: ExitStack, reservation: Reservation | None) -> tuple[int, int, tuple[int, int] | tuple[None, None]]:
    """Returns the reading ends of a stage's output and error, and the stage's own ends unless its spare has them."""
    if reservation is None:
        (output, stdout), (error, stderr) = _pipe(opened), _pipe(opened)
        return output, error, (stdout, stderr)
    output, error = reservation.outputs()
    return _opened(opened, output), _opened(opened, error), (None, None)


def deciding(exits: Sequence[StageExit], tool_end: ToolEnd) -> int:
    """Returns the index of the stage whose exit counts: the first that failed, or the last.

    A stage that SIGPIPE ended did not fail: a later stage stopped reading, and that stage is judged itself.
    """
    excused = [*(ended.signal == signal.SIGPIPE for ended in exits[:-1]), False]
    if len(exits) > 1 and tool_end is not ToolEnd.AS_ANY:
        excused[0] = tool_end is ToolEnd.EXCUSED
    failed = [place for place, ended in enumerate(exits) if ended.exit_code != 0 and not excused[place]]
    return failed[0] if failed else len(exits) - 1


def _pipe(opened: ExitStack) -> tuple[int, int]:
    reading, writing = os.pipe()
    return _opened(opened, reading), _opened(opened, writing)


def _opened(opened: ExitStack, descriptor: int) -> int:
    opened.callback(os.close, descriptor)
    return descriptor
