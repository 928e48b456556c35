"""Connects a command's stages by pipes, and decides which stage's exit counts, as a shell's `pipefail` does."""

import os
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from worker.launcher.client import Stage
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
    """The descriptors between the first two stages, if the first stage's output is masked."""

    def close(self) -> None:
        """Closes the ends that this process reads. The launcher's client owns the stages' ends."""
        for descriptor in (self.stdout, *self.stderr, *(self.held or ())):
            os.close(descriptor)


def connect(plan: CommandPlan) -> Connected:
    """Connects each stage's output to the next one's input, or to masking before it. Owns the plan's descriptors."""
    with ExitStack() as opened:
        opened.callback(plan.close)
        stages: list[Stage] = []
        errors: list[int] = []
        reading, inherited = plan.stdin, plan.inherited
        held = None
        for spec in (plan.spec, *plan.filters):
            output, stdout = _pipe(opened)
            error, stderr = _pipe(opened)
            stages.append(Stage(spec, (reading, stdout, stderr, *inherited)))
            errors.append(error)
            reading, inherited = output, ()
            if plan.masking is not None and held is None and plan.filters:
                reading, passed_on = _pipe(opened)
                held = Held(output, passed_on)
        opened.pop_all()
    return Connected(tuple(stages), reading, tuple(errors), held)


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
    ends = os.pipe()
    for end in ends:
        opened.callback(os.close, end)
    return ends
